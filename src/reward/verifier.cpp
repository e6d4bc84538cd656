#include "reward/verifier.h"

#include "core/check.h"
#include "reward/bugfix.h"
#include "reward/choice.h"
#include "reward/code.h"
#include "reward/format.h"
#include "reward/language.h"
#include "reward/length.h"
#include "reward/math.h"
#include "reward/number.h"
#include "tasks/task.h"

namespace r1 {
namespace {

Verdict verdict_of(const Check& result) {
    if (!result.parsed) return {0, Outcome::unparsed, result.reason};
    return {result.correct ? 1.0 : 0.0, result.correct ? Outcome::correct : Outcome::wrong, result.reason};
}

// The verdict on the only <answer> of a completion.
template <class Compare>
Verdict verify_block(std::string_view completion, Compare&& compare) {
    std::string_view answer;
    std::string reason;
    if (!answer_block(completion, answer, reason)) return {0, Outcome::unparsed, reason};
    return compare(answer);
}

// Without the marks that models set around a whole answer: $…$, `…`, **…**, \boxed{…}.
std::string_view undressed(std::string_view text) {
    constexpr std::pair<std::string_view, std::string_view> marks[] = {
        {"$$", "$$"},   {"$", "$"},     {"**", "**"},     {"`", "`"},
        {"\\(", "\\)"}, {"\\[", "\\]"}, {"\\boxed{", "}"}};
    for (bool again = true; again;) {
        again = false;
        const size_t begin = std::min(text.find_first_not_of(" \t\r\n"), text.size());
        text = text.substr(begin, text.find_last_not_of(" \t\r\n") + 1 - begin);
        for (const auto& [open, close] : marks) {
            if (text.size() < open.size() + close.size() || !text.starts_with(open) || !text.ends_with(close))
                continue;
            const std::string_view inside =
                text.substr(open.size(), text.size() - open.size() - close.size());
            if (inside.find(close) != std::string_view::npos) continue;  // the marks are not of one pair
            text = inside, again = true;
            break;
        }
    }
    return text;
}

// A family of tasks/task.h under its own name.
Verifier task_verifier(const Family& family) {
    const Verifier::Judge compare = [&family](const nlohmann::json& gold, std::string_view answer) {
        return verdict_of(family.check(gold, undressed(answer)));
    };
    return {family.name, family.summary, [&family](const nlohmann::json& gold) { family.check(gold, ""); },
            [compare](const nlohmann::json& gold, std::string_view completion) {
                return verify_block(completion,
                                    [&](std::string_view answer) { return compare(gold, answer); });
            },
            compare};
}

// Any family: {"family": NAME, "gold": its gold}.
Verdict compare_logic(const nlohmann::json& gold, std::string_view answer) {
    check(gold.is_object() && gold.contains("family") && gold["family"].is_string() && gold.contains("gold"),
          "logic: family and gold are needed");
    return verdict_of(find_family(gold["family"].get<std::string>()).check(gold["gold"], undressed(answer)));
}
Verdict verify_logic(const nlohmann::json& gold, std::string_view completion) {
    return verify_block(completion, [&](std::string_view answer) { return compare_logic(gold, answer); });
}
void check_logic_gold(const nlohmann::json& gold) {
    compare_logic(gold, "");
}

std::string scheme_of(const nlohmann::json& gold) {
    if (gold.is_null()) return "r1";
    check(gold.is_string(), "format: gold names the scheme, for example \"r1\"");
    return gold.get<std::string>();
}
void check_format_gold(const nlohmann::json& gold) {
    verify_format(scheme_of(gold), "");
}
Verdict format(const nlohmann::json& gold, std::string_view completion) {
    return verify_format(scheme_of(gold), completion);
}

// The gold of a request, from its own key or from the task's keys beside it, under the names that checkers
// use.
nlohmann::json gold_of(const nlohmann::json& request, const std::string& kind) {
    if (kind == "format")
        return request.contains("scheme") ? request["scheme"] : request.value("gold", nlohmann::json());
    if (kind == "logic" || kind == "language" || kind == "length" || kind == "repetition") return request;
    if (kind == "mcq" && (request.contains("choices") || request.contains("options"))) {
        check(request.contains("gold"), "grade: gold is missing");
        nlohmann::json question = request;
        question["answer"] = request["gold"];
        return question;
    }
    nlohmann::json gold = request.contains("gold") ? request["gold"] : request;
    if (gold.is_object() && gold.contains("nums") && !gold.contains("numbers"))
        gold["numbers"] = gold["nums"];
    const bool needs_gold = kind == "number" || kind == "math" || kind == "mcq";
    check(!needs_gold || request.contains("gold"), "grade: gold is missing");
    if (kind == "number" && request.contains("anchors"))
        gold = {{"gold", gold}, {"anchors", request["anchors"]}};
    if (kind == "math" && request.contains("policy")) gold = {{"gold", gold}, {"policy", request["policy"]}};
    return gold;
}

}  // namespace

const char* name_of(Outcome outcome) {
    switch (outcome) {
        case Outcome::correct:
            return "correct";
        case Outcome::wrong:
            return "wrong";
        case Outcome::unparsed:
            return "unparsed";
        case Outcome::timeout:
            return "timeout";
        default:
            return "error";
    }
}

const std::vector<Verifier>& verifiers() {
    static const std::vector<Verifier> all = [] {
        std::vector<Verifier> list = {
            {"number", "one number, compared exactly", check_number_gold, verify_number, compare_number},
            {"math", "an answer in LaTeX or plain text, by exact and multi-precision arithmetic",
             check_math_gold, verify_math, compare_math},
            {"mcq", "the letter of an option", check_choice_gold, verify_choice, compare_choice},
            {"code", "a program or function that passes its tests in a sandbox", check_code_gold, verify_code,
             compare_code},
            {"bugfix", "a repaired program, or a diff, that passes all tests", check_bugfix_gold,
             verify_bugfix, compare_bugfix},
            {"format", "think and answer tags in order", check_format_gold, format, format, true},
            {"language", "the share of words in the target language", check_language_options, verify_language,
             verify_language, true},
            {"length", "soft overlong penalty or cosine reward of the tokens", check_length_options,
             verify_length, verify_length, true},
            {"repetition", "penalty for repeated word sequences", check_repetition_options, verify_repetition,
             verify_repetition, true},
            {"logic", "a generated problem of a family", check_logic_gold, verify_logic, compare_logic}};
        for (const Family& family : families()) list.push_back(task_verifier(family));
        return list;
    }();
    return all;
}

const Verifier& find_verifier(const std::string& name) {
    std::string known;
    for (const Verifier& verifier : verifiers()) {
        if (name == verifier.name) return verifier;
        known += cat(known.empty() ? "" : ", ", verifier.name);
    }
    fail("unknown kind \"", name, "\"; the known ones are ", known);
}

Verdict verify(const std::string& kind, const nlohmann::json& gold, std::string_view completion) {
    try {
        return find_verifier(kind).verify(gold, completion);
    } catch (const Error& error) {
        return {0, Outcome::error, error.what()};
    }
}

Verdict grade_verdict(const nlohmann::json& request) {
    check(
        request.is_object(),
        "grade: a request is an object such as {\"kind\": \"number\", \"gold\": \"18\", \"answer\": \"18\"}");
    check(request.contains("kind") && request["kind"].is_string(), "grade: the string kind is missing");
    const Verifier& verifier = find_verifier(request["kind"].get<std::string>());
    const bool whole = request.contains("completion");  // all that the model wrote
    const char* key = whole                        ? "completion"
                      : request.contains("answer") ? "answer"
                      : request.contains("source") ? "source"
                      : request.contains("text")   ? "text"
                                                   : "completion";
    const bool extracted = key == std::string_view("answer") || key == std::string_view("source");
    const bool unread = verifier.name == "length";  // it looks at the number of tokens alone
    check(request.contains(key) || unread, "grade: answer or completion is missing");
    const nlohmann::json text = request.value(key, nlohmann::json(""));
    check(text.is_string() || (extracted && text.is_number()), "grade: ", key, " is not a string");
    const std::string answer = text.is_string() ? text.get<std::string>() : text.dump();
    const nlohmann::json gold = gold_of(request, verifier.name);
    verifier.check_gold(gold);
    if (!extracted) return verifier.verify(gold, answer);
    std::string_view after = answer;
    const bool may_think = key == std::string_view("answer") && !verifier.judges_all;
    if (may_think && !after_thinking(answer, after))
        return {0, Outcome::unparsed, "the thinking does not end"};
    return verifier.compare(gold, after);
}

nlohmann::json grade(const nlohmann::json& request) {
    const Verdict verdict = grade_verdict(request);
    return {{"score", verdict.score}, {"outcome", name_of(verdict.outcome)}, {"reason", verdict.reason}};
}

const nlohmann::json& plain_gold(const nlohmann::json& given, std::string_view verifier) {
    const bool object = given.is_object();
    check(!object || given.contains("gold"), verifier, ": gold is missing");
    const nlohmann::json& gold = object ? given["gold"] : given;
    check(gold.is_string() || gold.is_number(), verifier, ": gold is neither a string nor a number");
    return gold;
}

bool after_thinking(std::string_view completion, std::string_view& rest) {
    constexpr std::string_view open = "<think>", close = "</think>";
    const size_t closed = completion.rfind(close), opened = completion.rfind(open);
    if (closed == std::string_view::npos) {
        rest = completion;
        return opened == std::string_view::npos;
    }
    rest = completion.substr(closed + close.size());
    return opened == std::string_view::npos || opened < closed;
}

bool answer_block(std::string_view completion, std::string_view& answer, std::string& reason) {
    constexpr std::string_view open = "<answer>", close = "</answer>";
    std::string_view rest;
    if (!after_thinking(completion, rest) && rest.find(open) == std::string_view::npos) {
        reason = "the thinking does not end";
        return false;
    }
    const size_t begin = rest.find(open);
    if (begin == std::string_view::npos) {
        reason = "no <answer>";
        return false;
    }
    const size_t end = rest.find(close, begin);
    if (end == std::string_view::npos) {
        reason = "<answer> is not closed";
        return false;
    }
    if (rest.find(open, begin + 1) != std::string_view::npos) {
        reason = "more than one <answer>";
        return false;
    }
    answer = rest.substr(begin + open.size(), end - begin - open.size());
    return true;
}

}  // namespace r1
