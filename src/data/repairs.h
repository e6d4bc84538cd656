// Training problems of repair, made from rows that bring a working program beside their tests.
#pragma once
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "data/example.h"

namespace r1 {

// The working program of a row: code (MBPP), prompt and canonical_solution (HumanEval), solution or the first
// Python one of solutions, gold_standard_solution (open-r1). Throws Error if it has none.
std::string working_program(const nlohmann::json& row);

// At most `count` problems of kind bugfix, each with one change in `program` that a test of `example`
// notices. The same arguments give the same problems. Throws Error if the example is no Python code with
// tests, or if the program does not pass them.
std::vector<Example> repairs_of(const Example& example, const std::string& program, size_t count,
                                uint64_t seed);

}  // namespace r1
