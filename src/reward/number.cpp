#include "reward/number.h"

#include <nlohmann/json.hpp>
#include <optional>

#include "core/check.h"
#include "reward/math.h"
#include "reward/verifier.h"
#include "tasks/number.h"

namespace r1 {
namespace {

std::string lower(std::string_view text) {
    std::string out(text);
    for (char& c : out)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    return out;
}

// The inside of the last \boxed{…} or \fbox{…} whose braces close.
std::optional<std::string_view> last_boxed(std::string_view text) {
    for (size_t at = text.rfind("boxed{"); at != std::string_view::npos;
         at = at ? text.rfind("boxed{", at - 1) : std::string_view::npos) {
        int depth = 1;
        for (size_t i = at + 6; i < text.size(); ++i) {
            depth += text[i] == '{' ? 1 : text[i] == '}' ? -1 : 0;
            if (depth == 0) return text.substr(at + 6, i - at - 6);
        }
    }
    return std::nullopt;
}

std::optional<std::string_view> last_answer_block(std::string_view text) {
    const size_t close = text.rfind("</answer>");
    if (close == std::string_view::npos) return std::nullopt;
    const size_t open = text.rfind("<answer>", close);
    if (open == std::string_view::npos) return std::nullopt;
    return text.substr(open + 8, close - open - 8);
}

// What stands after the last "answer is" or the like.
std::optional<std::string_view> after_phrase(std::string_view text) {
    const std::string low = lower(text);
    size_t best = std::string::npos;
    for (const std::string_view phrase :
         {"answer is", "answer:", "answer：", "答案是", "答案为", "答案：", "答案:"}) {
        const size_t at = low.rfind(phrase);
        if (at != std::string::npos && (best == std::string::npos || at + phrase.size() > best))
            best = at + phrase.size();
    }
    if (best == std::string::npos) return std::nullopt;
    return text.substr(best);
}

// An explicit answer: one number with its unit, or text that points to one or holds exactly one.
std::optional<Number> read_explicit(std::string_view text) {
    if (auto number = parse_number(text)) return number;
    if (const auto boxed = last_boxed(text)) return read_explicit(*boxed);
    if (const auto after = after_phrase(text)) {
        const auto numbers = find_numbers(*after);
        if (!numbers.empty()) return numbers.front();
    }
    auto numbers = find_numbers(text);
    if (numbers.size() == 1) return numbers.front();
    return std::nullopt;
}

// Does the text point to its answer?
bool is_anchored(std::string_view text) {
    return last_answer_block(text) || last_boxed(text) || text.find("####") != std::string_view::npos ||
           after_phrase(text);
}

std::optional<Number> read_answer(std::string_view text) {
    if (const auto block = last_answer_block(text)) return read_explicit(*block);
    if (const auto boxed = last_boxed(text)) return read_explicit(*boxed);
    if (const size_t marks = text.rfind("####"); marks != std::string_view::npos) {
        const std::string_view rest = text.substr(marks + 4);
        return read_explicit(rest.substr(0, rest.find('\n')));
    }
    if (const auto after = after_phrase(text)) {
        const auto numbers = find_numbers(*after);
        if (!numbers.empty()) return numbers.front();
    }
    return std::nullopt;
}

Number read_gold(const nlohmann::json& gold) {
    check(gold.is_string() || gold.is_number(), "number: gold is neither a string nor a number");
    const std::string text = gold.is_string() ? gold.get<std::string>() : gold.dump();
    const size_t marks = text.rfind("####");
    const auto number = parse_number(marks == std::string::npos ? std::string_view(text)
                                                                : std::string_view(text).substr(marks + 4));
    check(number.has_value(), "number: gold \"", text.substr(0, 80), "\" is not a number");
    return *number;
}

Verdict judge(const nlohmann::json& gold, const std::optional<Number>& answer) {
    const Number right = read_gold(gold);
    if (!answer) return {0, Outcome::unparsed, "no number could be read as the answer"};
    if (equal(right, *answer)) return {1, Outcome::correct, "equals the gold"};
    return {0, Outcome::wrong, "another number than the gold"};
}

}  // namespace

void check_number_gold(const nlohmann::json& gold) {
    read_gold(gold);
}

Verdict verify_number(const nlohmann::json& gold, std::string_view completion) {
    std::string_view rest;
    if (!after_thinking(completion, rest) && !last_answer_block(rest)) {
        check_number_gold(gold);
        return {0, Outcome::unparsed, "the thinking does not end"};
    }
    if (is_anchored(rest)) return judge(gold, read_answer(rest));
    check_number_gold(gold);
    return verify_math(gold, rest);
}

Verdict compare_number(const nlohmann::json& gold, std::string_view answer) {
    return judge(gold, read_explicit(answer));
}

}  // namespace r1
