#include "reward/composition.h"

#include <algorithm>
#include <cmath>

#include "core/check.h"
#include "reward/extract.h"
#include "reward/program.h"
#include "reward/verifier.h"

namespace r1 {
namespace {

using nlohmann::json;

constexpr const char *accuracy_kind = "accuracy", *program_kind = "program";

template <class T>
T take(json& table, const char* key, T otherwise) {
    const auto found = table.find(key);
    if (found == table.end()) return otherwise;
    try {
        T value = found->template get<T>();
        table.erase(found);
        return value;
    } catch (const json::exception&) {
        fail("[[reward]] ", key, " is ", found->dump().substr(0, 60), ", which is of the wrong type");
    }
}

std::shared_ptr<ProgramVerifier> start_program(json& table) {
    ProgramSpec spec;
    spec.command = take(table, "command", spec.command);
    for (const auto& folder : take(table, "read_only", std::vector<std::string>()))
        spec.read_only.emplace_back(folder);
    spec.budget_seconds = take(table, "budget", spec.budget_seconds);
    const double memory_mib = take(table, "memory_mib", static_cast<double>(spec.memory_bytes >> 20));
    check(spec.budget_seconds > 0 && spec.budget_seconds <= 1e6,
          "[[reward]] budget must be more than 0 seconds");
    check(memory_mib >= 1 && memory_mib <= 1e9, "[[reward]] memory_mib must be at least 1");
    spec.memory_bytes = static_cast<size_t>(memory_mib) << 20;
    return std::make_shared<ProgramVerifier>(spec);
}

RewardPart parse_reward_part(const std::string& row) {
    json table = json::parse(row);
    RewardPart part;
    part.kind = take(table, "kind", std::string());
    check(!part.kind.empty(), "[[reward]] needs a kind: accuracy, or a verifier's name as `r1 grade` has it");
    part.name = take(table, "name", part.kind);
    check(!part.name.empty() && part.name.find_first_of("/ \n") == std::string::npos, "[[reward]] name \"",
          part.name, "\" must be one word: it becomes rewards/NAME/mean");
    part.weight = take(table, "weight", 1.0);
    check(std::abs(part.weight) <= 1e6, "[[reward]] ", part.name, ": weight ", part.weight,
          " is out of range");
    part.data = take(table, "data", std::vector<std::string>());
    if (part.kind == program_kind) part.program = start_program(table);
    part.options = std::move(table);
    if (part.kind == accuracy_kind) {
        part.anchors = take(part.options, "anchors", part.anchors);
        parse_anchors(part.anchors);
    }
    if (part.kind == accuracy_kind || part.program) {
        check(part.options.empty(), "[[reward]] ", part.name, ": a part of kind ", part.kind, " takes no \"",
              part.options.begin().key(), "\"");
        return part;
    }
    find_verifier(part.kind);  // throws, naming the known ones
    const Verdict trial = score_part(part, {});
    check(trial.outcome != Outcome::error, "[[reward]] ", part.name, ": ", trial.reason);
    return part;
}

// A gold of mathematics that says where an answer may stand, unless it says so itself.
json anchored_gold(const ScoringRequest& request, const std::string& anchors) {
    if (request.kind != "math" && request.kind != "number") return request.gold;
    json gold = request.gold.is_object() ? request.gold : json{{"gold", request.gold}};
    if (!gold.contains("anchors")) gold["anchors"] = anchors;
    return gold;
}

}  // namespace

bool RewardPart::applies_to(const ScoringRequest& request) const {
    if (data.empty()) return true;
    return std::ranges::any_of(data, [&](const std::string& wanted) {
        return wanted == request.kind || wanted == request.family || wanted == request.source;
    });
}

std::vector<RewardPart> parse_reward_parts(const std::vector<std::string>& rows) {
    std::vector<RewardPart> parts;
    for (const std::string& row : rows) {
        RewardPart part = parse_reward_part(row);
        for (const RewardPart& other : parts)
            check(other.name != part.name, "two [[reward]] tables are named ", part.name,
                  "; give one a name");
        parts.push_back(std::move(part));
    }
    return parts;
}

Verdict score_part(const RewardPart& part, const ScoringRequest& request) {
    if (part.kind == accuracy_kind) {
        if (request.kind.empty()) return {0, Outcome::error, "the problem has no verifier"};
        return verify(request.kind, anchored_gold(request, part.anchors), request.completion);
    }
    if (part.program) return part.program->verify(request);
    json options = part.options;
    options["kind"] = part.kind;
    options["completion"] = request.completion;
    options["tokens"] = request.tokens;
    options["correct"] = request.correct;
    if (!options.contains("max_tokens")) options["max_tokens"] = request.max_tokens;
    try {
        return grade_verdict(options);
    } catch (const Error& error) {
        return {0, Outcome::error, error.what()};
    }
}

}  // namespace r1
