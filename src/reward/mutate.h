// Training problems for repair: working Python programs, broken in one place so that their tests notice.
#pragma once
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
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

// A bug fix problem from a code problem (`gold`, of functions or programs in Python) and a source that solves
// it: `gold` with "kind": "bugfix", "buggy", "mutation": {kind, line}. The mutant is drawn by `seed` among
// those that load and fail at least one test; most draws prefer one that passes a test as well. Nothing if
// `source` does not pass all tests, or if none of `tries` mutants fails one.
std::optional<nlohmann::json> make_bugfix(const nlohmann::json& gold, const std::string& source,
                                          uint64_t seed, int tries = 12);

}  // namespace r1
