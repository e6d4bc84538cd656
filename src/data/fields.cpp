#include "data/fields.h"

#include <algorithm>

#include "core/ascii.h"
#include "core/check.h"
#include "data/readers.h"
#include "data/wording.h"
#include "tasks/number.h"
#include "text/boxes.h"

namespace r1 {
namespace {

using nlohmann::json;

std::string trimmed(const std::string& text) {
    const size_t first = text.find_first_not_of(" \t\r\n"), last = text.find_last_not_of(" \t\r\n");
    return first == std::string::npos ? "" : text.substr(first, last - first + 1);
}

// A message's content: text, or the texts of its parts.
std::string content_of(const json& message) {
    check(message.is_object() && message.contains("role") && message["role"].is_string() &&
              message.contains("content"),
          "a message needs the strings role and content");
    const json& content = message["content"];
    if (content.is_string()) return content.get<std::string>();
    check(content.is_array() && !content.empty(), "a message needs the strings role and content");
    std::string text;
    for (const json& part : content) {
        check(part.is_object() && part.contains("text") && part["text"].is_string(),
              "a message holds a part that is not text");
        text += part["text"].get<std::string>();
    }
    return text;
}

}  // namespace

bool has(const json& row, const char* key) {
    return row.is_object() && row.contains(key) && !row[key].is_null();
}

const json& first_of(const json& row, std::initializer_list<const char*> keys) {
    static const json none;
    for (const char* key : keys) {
        if (has(row, key)) return row[key];
    }
    return none;
}

std::string text_field(const json& row, const char* key) {
    check(has(row, key) && row[key].is_string() && !row[key].get_ref<const std::string&>().empty(), key,
          " is not text");
    return row[key].get<std::string>();
}

std::vector<std::string> text_list(const json& value, const char* what) {
    check(value.is_array(), what, " is not a list");
    std::vector<std::string> texts;
    for (const json& item : value) texts.push_back(as_text(item));
    return texts;
}

std::string as_text(const json& value) {
    if (value.is_string()) return value.get<std::string>();
    check(value.is_number(), "the gold is neither text nor a number");
    return value.dump();
}

json parsed(const json& value) {
    if (!value.is_string()) return value;
    const auto& text = value.get_ref<const std::string&>();
    constexpr size_t deepest = 64;  // nlohmann::json is taken apart by recursion
    size_t depth = 0, most = 0;
    for (const char c : text) {
        depth += c == '[' || c == '{';
        if (c == ']' || c == '}') depth -= depth > 0;
        most = std::max(most, depth);
    }
    if (most > deepest) return value;
    json result = json::parse(text, nullptr, false);
    return result.is_discarded() ? value : result;
}

void set_prompt(Example& example, const json& prompt) {
    if (prompt.is_string()) {
        example.question = prompt.get<std::string>();
        check(!example.question.empty(), "the prompt is empty");
        return;
    }
    check(prompt.is_array() && !prompt.empty(), "the messages are not a list");
    json messages = json::array();
    for (const json& message : prompt) {
        json plain = {{"role", json()}, {"content", content_of(message)}};
        plain["role"] = message["role"];
        messages.push_back(std::move(plain));
    }
    if (messages.size() > 1 && messages.back()["role"] == "assistant") messages.erase(messages.size() - 1);
    example.question = messages.back()["content"].get<std::string>();
    check(!example.question.empty(), "the last message is empty");
    if (messages.size() > 1 || messages[0]["role"] != "user") example.messages = std::move(messages);
}

std::string boxed_answer(const std::string& solution) {
    const auto inside = last_box(solution);
    check(inside.has_value(), solution.find("\\boxed") == std::string::npos
                                  ? "the solution holds no \\boxed{}"
                                  : "the braces of \\boxed{} do not close");
    return std::string(*inside);
}

namespace {

// Does the problem want all solutions, in no order?
bool asks_for_all(const std::string& question) {
    const std::string low = ascii_lower(question);
    const auto says = [&](std::initializer_list<const char*> phrases) {
        return std::any_of(phrases.begin(), phrases.end(),
                           [&](const char* phrase) { return low.find(phrase) != std::string::npos; });
    };
    if (says({"in order", "increasing", "decreasing", "ascending", "descending", "least to greatest",
              "smallest to largest", "largest to smallest", "greatest to least", "respectively", "ordered",
              "triple", "依次", "从小到大", "从大到小", "分别"}))
        return false;
    return says({"separated by commas", "comma-separated", "comma separated", "find all", "list all",
                 "determine all", "all solutions", "all the solutions", "all values", "all the values",
                 "all possible", "all real", "all the real", "all integer", "all complex", "the roots",
                 "the solutions", "所有", "全部"});
}

// "1, -2": commas outside all brackets that separate no thousands ("12,345", "12,\!345").
bool is_plain_list(std::string_view text) {
    const auto digits = [&](size_t from) {
        size_t count = 0;
        while (from + count < text.size() && text[from + count] >= '0' && text[from + count] <= '9') ++count;
        return count;
    };
    int depth = 0;
    for (size_t i = 0; i < text.size(); ++i) {
        depth += text[i] == '(' || text[i] == '[' || text[i] == '{';
        depth -= text[i] == ')' || text[i] == ']' || text[i] == '}';
        if (text[i] != ',' || depth != 0 || i == 0 || text[i - 1] == '\\') continue;  // "\," is a space
        const size_t next = i + (text.substr(i + 1).starts_with("\\!") ? 3 : 1);
        if (digits(i - 1) == 0 || digits(next) != 3) return true;
    }
    return false;
}

}  // namespace

void set_answer(Example& example, const json& answer, bool mathematics) {
    if (answer.is_object() && answer.contains("target")) {
        example.kind = "countdown";
        example.gold = answer;
        if (answer.contains("nums") && !answer.contains("numbers")) example.gold["numbers"] = answer["nums"];
        return;
    }
    if (json tests = parsed(answer); has(tests, "inputs") && has(tests, "outputs"))
        return set_code(example, {{"language", "python"}, {"tests", std::move(tests)}});
    std::string text = as_text(answer);
    const size_t marks = text.rfind("####");  // of GSM8K, whose golds are numbers
    if (marks != std::string::npos) text.erase(0, marks + 4);
    text = trimmed(text);
    const auto number = [&] { return parse_number(text).has_value(); };
    if (!number() && text.find("\\boxed{") != std::string::npos) text = trimmed(boxed_answer(text));
    check(!text.empty(), "the gold is empty");
    check(marks == std::string::npos || number(), "the gold \"", text.substr(0, 60), "\" is not one number");
    const bool math = mathematics && can_be_graded("math");
    example.kind = math || !number() ? "math" : "number";
    example.gold = text;
    if (example.kind == "math" && asks_for_all(example.question) && is_plain_list(text))
        example.gold = {{"gold", text}, {"policy", "unordered"}};
}

void ask_for_box(Example& example) {
    if (example.kind == "math" || example.kind == "number")
        example.instruction = wording::final_answer(wording::is_chinese(example.question));
}

namespace {

// The name of the function that tests call; "" where they are of whole programs.
std::string called_function(const json& gold) {
    const json info = first_of(gold, {"verification_info"});
    const json tests = parsed(first_of(info.is_null() ? gold : info, {"tests", "test_cases"}));
    const json& first = tests.is_array() && !tests.empty() ? tests[0] : tests;
    const json& name = has(gold, "fn_name") ? gold["fn_name"] : first_of(first, {"fn_name"});
    return name.is_string() ? name.get<std::string>() : "";
}

}  // namespace

void set_code(Example& example, json gold) {
    const bool chinese = wording::is_chinese(example.question);
    const std::string language = gold.at("language"), function = called_function(gold);
    const json tests = parsed(first_of(gold, {"tests", "test_cases"}));
    const bool source = tests.is_string() || (tests.is_array() && !tests.empty() && tests[0].is_string());
    example.instruction = source              ? wording::program(language, chinese)
                          : !function.empty() ? wording::function(language, function, chinese)
                                              : wording::stdin_program(language, chinese);
    example.kind = "code";
    example.gold = std::move(gold);
}

}  // namespace r1
