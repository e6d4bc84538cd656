// What the readers share: fields of a row, checked.
#pragma once
#include <initializer_list>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "data/example.h"

namespace r1 {

bool has(const nlohmann::json& row, const char* key);  // there, and not null
// The value of the first of the keys that the row has; null if it has none.
const nlohmann::json& first_of(const nlohmann::json& row, std::initializer_list<const char*> keys);
std::string text_field(const nlohmann::json& row,
                       const char* key);  // throws unless it is text that is not empty
std::vector<std::string> text_list(const nlohmann::json& value, const char* what);
std::string as_text(const nlohmann::json& value);    // of text or a number
nlohmann::json parsed(const nlohmann::json& value);  // text that holds JSON is parsed, where it can be

// The prompt of a row: text, or messages. An assistant's message at the end is no part of it.
void set_prompt(Example& example, const nlohmann::json& prompt);

// Kind and gold from an answer: a countdown object, tests of code, a number, or mathematics. GSM8K's working
// before #### is dropped. `mathematics`: it is no number even where it reads as one.
// Where the question, which is set before, asks for all solutions, a list of them has no order.
void set_answer(Example& example, const nlohmann::json& answer, bool mathematics = false);
void ask_for_box(Example& example);                     // instruction of a mathematical question
std::string boxed_answer(const std::string& solution);  // the inside of its last \boxed{…}

// Kind and gold of code, whose tests and "language" are in `gold`, and how it is asked for.
void set_code(Example& example, nlohmann::json gold);

namespace readers {
Example human_eval(const nlohmann::json& row);
Example mbpp(const nlohmann::json& row);
Example quixbugs(const nlohmann::json& row);
Example code(const nlohmann::json& row);
Example choice(const nlohmann::json& row);
bool is_code(const nlohmann::json& row);
bool is_choice(const nlohmann::json& row);
}  // namespace readers

}  // namespace r1
