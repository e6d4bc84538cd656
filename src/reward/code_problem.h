// A programming problem with its tests, in one form for all the formats that data sets have.
#pragma once
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "reward/verdict.h"
#include "sandbox/limits.h"

namespace r1 {

enum class OutputCompare : uint8_t {
    tokens,  // code_contests' judge: words without regard to case; numbers within 1e-5
    lines,   // open-r1's: line by line, without blanks at the ends
    exact,   // but for white space at the end of the whole
};

// "python" or "cpp" by the names that data sets and models give them, in any case (py, Python3, PyPy 3,
// C++17, cc); "" for any other, as Python 2.
std::string_view programming_language(std::string_view name);

struct InputOutput {
    std::string input, output;
};

struct CodeProblem {
    std::string language = "python";  // or "cpp"
    OutputCompare compare = OutputCompare::tokens;
    std::vector<InputOutput> programs;  // tests of a whole program; if there are none:
    std::string tester;                 // JSON for the tester (sandbox/scripts_tester.cpp), without the nonce
    std::string prompt, entry_point;    // HumanEval: what a function's body continues
    sandbox::Limits limits;             // of one test of a program, or of all tests of functions together
    // What names the function that is asked for: its name, or else the tests; empty for whole programs.
    const std::string& names() const { return entry_point.empty() ? tester : entry_point; }
    bool partial = false;  // the score is the share of tests that pass, instead of all or nothing
};

// From an object with one of these sets of keys (docs/rewards-code.md):
//   tests or test_cases   {inputs, outputs[, fn_name]} | [{input, output[, type, fn_name]}] | [assert, …] |
//   Python text;
//                         also as text that is JSON, and in verification_info
//   public_tests, private_tests, generated_tests    code_contests: {input: […], output: […]}
//   prompt, entry_point, test      HumanEval            test_list, test_setup_code | test_imports    MBPP
//   name, testcases, pytest        QuixBugs
// and with language, time_limit and wall_limit (seconds), memory_limit (MiB), compare, tolerance, partial.
// Throws Error if unusable.
CodeProblem parse_code_problem(const nlohmann::json& gold);

// What tests say of a source.
struct CodeRun {
    std::vector<bool> passed;  // of each test that ran
    size_t total = 0;          // tests there are; 0 if unknown because the source did not load
    Outcome outcome = Outcome::wrong;
    std::string reason;
    double share() const;  // of tests passed
};
// Stops at the first failure unless `all`. Throws Error only where there is no sandbox.
CodeRun run_code(const CodeProblem& problem, const std::string& source, bool all);

// Does what a program wrote match what is expected?
bool outputs_match(std::string_view got, std::string_view expected, OutputCompare compare);

}  // namespace r1
