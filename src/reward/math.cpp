#include "reward/math.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "algebra/compare.h"
#include "algebra/reader.h"
#include "core/check.h"
#include "reward/extract.h"
#include "reward/verifier.h"

namespace r1 {
namespace {

using algebra::Equality;
using algebra::Expr;

struct Policy {
    Anchors anchors = Anchors::any;
    algebra::CompareOptions compare;
    algebra::Budget budget;
};

Policy named_policy(const std::string& name, Policy policy) {
    if (name == "default") return policy;
    if (name == "anchored") {
        policy.anchors = Anchors::anchored;
    } else if (name == "boxed") {
        policy.anchors = Anchors::boxed;
    } else if (name == "unordered") {
        policy.compare.ordered = false;
    } else if (name == "lenient") {
        policy.compare.ordered = policy.compare.reduced = false;
    } else if (name == "exact") {
        policy.compare.percent_number = false;
        policy.compare.rounded_digits = 0;
    } else {
        fail("math: unknown policy \"", name,
             "\"; the known ones are default, anchored, boxed, unordered, lenient, exact");
    }
    return policy;
}

// `policy` is what holds where nothing is said.
Policy read_policy(const nlohmann::json& given, Policy policy) {
    if (given.is_null()) return policy;
    if (given.is_string()) return named_policy(given.get<std::string>(), policy);
    check(given.is_object(), "math: policy is neither a name nor an object of options");
    const nlohmann::json base = given.value("base", nlohmann::json("default"));
    check(base.is_string(), "math: policy: base is the name of a policy");
    policy = named_policy(base.get<std::string>(), policy);
    for (const auto& [key, value] : given.items()) {
        const std::pair<const char*, bool*> flags[] = {
            {"ordered", &policy.compare.ordered},
            {"reduced", &policy.compare.reduced},
            {"percent_number", &policy.compare.percent_number},
            {"units", &policy.compare.units},
            {"names", &policy.compare.names},
            {"inequality_as_interval", &policy.compare.inequality_as_interval}};
        const auto flag = std::find_if(std::begin(flags), std::end(flags),
                                       [&wanted = key](const auto& f) { return wanted == f.first; });
        if (flag != std::end(flags)) {
            check(value.is_boolean(), "math: policy: ", key, " is true or false");
            *flag->second = value.get<bool>();
        } else if (key == "rounded_digits") {
            check(value.is_number_integer() && value >= 0 && value <= 100,
                  "math: policy: rounded_digits is 0 to 100");
            policy.compare.rounded_digits = value.get<int>();
        } else if (key == "anchors") {
            policy.anchors = parse_anchors(value);
        } else {
            check(key == "base", "math: policy: unknown option ", key);
        }
    }
    return policy;
}

struct Gold {
    std::vector<Expr> readings;
    Policy policy;
};

Gold read_gold(const nlohmann::json& given) {
    const bool object = given.is_object();
    const nlohmann::json& gold = plain_gold(given, "math");
    const std::string text = gold.is_string() ? gold.get<std::string>() : gold.dump();
    Policy policy;
    if (object && given.contains("anchors")) policy.anchors = parse_anchors(given["anchors"]);
    Gold out{read_gold_answer(text),
             read_policy(object ? given.value("policy", nlohmann::json()) : nlohmann::json(), policy)};
    check(!out.readings.empty(), "math: gold \"", text.substr(0, 80), "\" cannot be read as an answer");
    return out;
}

// A number that cannot be computed ("1/0") is no gold.
bool is_usable(const Expr& e, algebra::Budget& budget) {
    return !algebra::is_scalar(e) || algebra::has_symbols(e) || algebra::is_constant(e, "inf") ||
           (e.kind == algebra::Kind::negate && algebra::is_constant(e.args[0], "inf")) ||
           algebra::is_defined(e, budget);
}

bool is_option(const std::string& words) {  // "(C)"
    return words.size() == 3 && words[0] == '(' && words[1] >= 'A' && words[1] <= 'H' && words[2] == ')';
}

Verdict judge(const Gold& gold, const std::vector<Expr>& answers) {
    if (answers.empty()) return {0, Outcome::unparsed, "no answer could be read"};
    algebra::Budget budget = gold.policy.budget;
    bool undecided = false;
    for (const Expr& right : gold.readings)
        for (const Expr& answer : answers) {
            // Words beside a formula are another reading of it for golds in words alone; an option's letter
            // is one for its letter.
            if (answer.kind == algebra::Kind::text && &answer != answers.data() &&
                right.kind != algebra::Kind::text && !is_option(answer.name))
                continue;
            Equality equal = Equality::undecided;
            try {
                equal = algebra::compare(right, answer, gold.policy.compare, budget);
            } catch (const algebra::OutOfBudget&) {
                return {0, Outcome::timeout, "the comparison ran out of its budget of steps or digits"};
            }
            if (equal == Equality::equal) return {1, Outcome::correct, "equals the gold"};
            undecided = undecided || equal == Equality::undecided;
        }
    if (undecided) return {0, Outcome::timeout, "the comparison could not be decided within the budget"};
    return {0, Outcome::wrong, "another answer than the gold"};
}

}  // namespace

void check_math_gold(const nlohmann::json& given) {
    const Gold gold = read_gold(given);
    algebra::Budget budget = gold.policy.budget;
    for (const Expr& e : gold.readings) {
        try {
            check(is_usable(e, budget), "math: gold has no value: it divides by zero or the like");
        } catch (const algebra::OutOfBudget&) {
            // equal to what is written in the same way; everything else ends in `timeout`
        }
    }
}

Verdict verify_math(const nlohmann::json& given, std::string_view completion) {
    const Gold gold = read_gold(given);
    std::string_view rest;
    if (!after_thinking(completion, rest)) return {0, Outcome::unparsed, "the thinking does not end"};
    return judge(gold, extract_answer(rest, gold.policy.anchors));
}

Verdict compare_math(const nlohmann::json& given, std::string_view answer) {
    const Gold gold = read_gold(given);
    std::vector<Expr> answers = extract_answer(answer, Anchors::any);
    if (answers.empty()) answers = algebra::read_answer(answer);
    if (!answers.empty() && answer.size() <= 60)
        answers.push_back(algebra::make(algebra::Kind::text, {}, std::string(answer)));
    return judge(gold, answers);
}

}  // namespace r1
