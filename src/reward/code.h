// Programs and functions, judged by tests that run in a sandbox. The answer is the last fenced block of the
// problem's language after the thinking (a block without a language if there is none), else the text of
// <answer>.
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
// The last block in one of `languages`, else the last without a language, else the text of <answer>. False,
// with the reason, where there is none.
bool extract_code(std::string_view completion, const std::vector<std::string>& languages, CodeBlock& found,
                  std::string& reason);
std::vector<std::string> names_of_language(const std::string& language);  // "py", "python3", …

}  // namespace r1
