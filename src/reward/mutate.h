// Training problems for repair: working Python programs, broken in one place so that their tests notice.
#pragma once
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace r1 {

struct Mutant {
    std::string source;
    std::string kind;  // comparison, arithmetic, boolean, constant, variable, condition, arguments, removed
    int line = 0;      // of the change, from 1
};
// Every program that differs from `source` by one small change and still compiles. The sandbox's Python reads
// the source; it is not run. Throws Error if it is no Python, or where there is no sandbox.
std::vector<Mutant> mutants_of(const std::string& source);

// At most `count` bug fix problems from a code problem (`gold`, of functions or programs in Python) and a
// source that solves it: `gold` with "buggy" and "mutation": {kind, line}. The mutants are drawn by `seed`
// among those that load and fail at least one test, `tries` for each problem; those that pass a test as well
// are preferred. Throws Error if `source` does not pass all tests.
std::vector<nlohmann::json> make_bugfixes(const nlohmann::json& gold, const std::string& source,
                                          uint64_t seed, size_t count = 1, size_t tries = 12);

}  // namespace r1
