// What the readers add to a problem, in one place: how the model is asked for code, corrections and choices.
// A run overrides `instruction`s by data.prompt_template. The language is the question's.
#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace r1::wording {

bool is_chinese(std::string_view question);  // more Han characters than Latin words

// "python", "cpp": the word after ``` and the language's name. Throws on another.
std::string fence(const std::string& language, const std::string& source);

std::string stdin_program(const std::string& language, bool chinese);
std::string function(const std::string& language, const std::string& name, bool chinese);
std::string program(const std::string& language, bool chinese);  // whose form the question tells
std::string completion_question(const std::string& language, const std::string& prefix, bool chinese);
std::string tests_question(const std::string& text, const std::string& language,
                           const std::vector<std::string>& tests, bool chinese);
std::string bug_question(const std::string& text, const std::string& language, const std::string& source,
                         bool chinese);
std::string bug_fix(const std::string& language, bool chinese);
std::string choice_question(const std::string& question, const std::vector<std::string>& choices);
std::string choice(bool chinese);
std::string final_answer(bool chinese);  // of mathematics
std::string countdown_question(const std::string& numbers, const std::string& target);

}  // namespace r1::wording
