// Programs and functions, judged by tests that run in a sandbox. The answer is the last fenced block of the
// problem's language after the thinking (a block without a language if there is none), else the text of
// <answer>. Of several blocks, where tests call functions, the last one that defines a name that tests use:
// an example of use often follows.
#pragma once
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "reward/verdict.h"

namespace r1 {

void check_code_gold(const nlohmann::json& gold);  // throws Error; the formats are in code_problem.h
Verdict verify_code(const nlohmann::json& gold, std::string_view completion);
Verdict compare_code(const nlohmann::json& gold, std::string_view source);

// A fenced block of Markdown that is closed.
struct CodeBlock {
    std::string language;  // first word after the fence, in lower case
    std::string text;
};
std::vector<CodeBlock> code_blocks(std::string_view markdown);
// The last block of `language` ("python" or "cpp") or in one of the `further` ones, else the last without a
// language, else the text of <answer>. Blocks that define a name that stands in `tests` come before others,
// unless `tests` is empty. False, with the reason, where there is none.
bool extract_code(std::string_view completion, const std::string& language, std::string_view tests,
                  CodeBlock& found, std::string& reason, const std::vector<std::string>& further = {});

}  // namespace r1
