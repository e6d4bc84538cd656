#include "reward/number.h"

#include <nlohmann/json.hpp>
#include <optional>

#include "core/check.h"
#include "reward/extract.h"
#include "reward/math.h"
#include "reward/qualified.h"
#include "reward/verifier.h"
#include "tasks/number.h"
#include "text/boxes.h"

namespace r1 {
namespace {

struct Gold {
    Number value;
    nlohmann::json text;
    std::string anchors;
};

Gold read_gold(const nlohmann::json& given) {
    const bool object = given.is_object();
    const nlohmann::json& gold = plain_gold(given, "number");
    const std::string text = gold.is_string() ? gold.get<std::string>() : gold.dump();
    const size_t marks = text.rfind("####");
    const auto value = parse_number(marks == std::string::npos ? std::string_view(text)
                                                               : std::string_view(text).substr(marks + 4));
    check(value.has_value(), "number: gold \"", text.substr(0, 80), "\" is not a number");
    const nlohmann::json anchors =
        object ? given.value("anchors", nlohmann::json("any")) : nlohmann::json("any");
    parse_anchors(anchors);
    return {*value, gold, anchors.get<std::string>()};
}

// One number with its unit, or text that holds exactly one and does not take it back.
std::optional<Number> read_explicit(std::string_view text) {
    if (auto number = parse_number(text)) return number;
    if (const auto boxed = last_box(text)) return read_explicit(*boxed);
    const auto numbers = find_numbers(text);
    if (numbers.size() != 1) return std::nullopt;
    constexpr std::string_view digits = "0123456789";
    const size_t first = text.find_first_of(digits), last = text.find_last_of(digits);
    if (first != std::string_view::npos && qualified(text, first, last + 1) != Qualified::no)
        return std::nullopt;
    return numbers.front();
}

// Running text, read as mathematics.
Verdict judge_sentence(const Gold& gold, std::string_view text, const std::string& anchors) {
    return verify_math(
        {{"gold", gold.text}, {"anchors", anchors}, {"policy", {{"rounded_digits", 0}, {"reduced", false}}}},
        text);
}

Verdict judge_explicit(const Gold& gold, std::string_view text) {
    const auto answer = read_explicit(text);
    if (!answer && states_answer(text)) return judge_sentence(gold, text, "anchored");  // "… is 18, of 20"
    if (!answer) return {0, Outcome::unparsed, "no number could be read as the answer"};
    if (equal(gold.value, *answer)) return {1, Outcome::correct, "equals the gold"};
    return {0, Outcome::wrong, "another number than the gold"};
}

}  // namespace

void check_number_gold(const nlohmann::json& gold) {
    read_gold(gold);
}

Verdict verify_number(const nlohmann::json& given, std::string_view completion) {
    const Gold gold = read_gold(given);
    std::string_view rest;
    const bool ended = after_thinking(completion, rest);
    const auto block = last_answer_block(rest);
    if (!ended && !block) return {0, Outcome::unparsed, "the thinking does not end"};
    if (gold.anchors == "boxed") {
        const auto boxed = last_box(block ? *block : rest);
        return boxed ? judge_explicit(gold, *boxed) : Verdict{0, Outcome::unparsed, "there is no box"};
    }
    if (block) return judge_explicit(gold, *block);
    if (const auto boxed = last_box(rest)) return judge_explicit(gold, *boxed);
    if (const size_t marks = rest.rfind("####"); marks != std::string_view::npos)
        return judge_explicit(gold, rest.substr(marks + 4, rest.find('\n', marks) - marks - 4));
    return judge_sentence(gold, rest, gold.anchors);
}

Verdict compare_number(const nlohmann::json& gold, std::string_view answer) {
    return judge_explicit(read_gold(gold), answer);
}

}  // namespace r1
