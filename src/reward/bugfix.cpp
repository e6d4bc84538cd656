#include "reward/bugfix.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/check.h"
#include "reward/code.h"
#include "reward/code_problem.h"
#include "reward/patch.h"

namespace r1 {
namespace {

struct Repair {
    CodeProblem problem;
    std::string buggy;
};

Repair parse(const nlohmann::json& gold) {
    check(gold.is_object() && gold.contains("buggy") && gold["buggy"].is_string(),
          "bugfix: gold lacks the text buggy, the source to repair");
    Repair repair = {parse_code_problem(gold), gold["buggy"].get<std::string>()};
    if (!gold.contains("time_limit")) {  // many faults are endless loops
        repair.problem.limits.cpu_seconds = 3;
        repair.problem.limits.wall_seconds = 11;
    }
    return repair;
}

// The first test that the buggy source passes and the fixed one does not; 0 if there is none.
size_t first_broken(const CodeRun& before, const CodeRun& after) {
    for (size_t i = 0; i < before.passed.size(); ++i)
        if (before.passed[i] && (i >= after.passed.size() || !after.passed[i])) return i + 1;
    return 0;
}

}  // namespace

void check_bugfix_gold(const nlohmann::json& gold) {
    parse(gold);
}

Verdict compare_bugfix(const nlohmann::json& gold, std::string_view source_or_patch) {
    const Repair repair = parse(gold);
    std::string source(source_or_patch);
    if (source.find_first_not_of(" \t\r\n") == std::string::npos)
        return {0, Outcome::unparsed, "the source is empty"};
    if (looks_like_patch(source_or_patch)) {
        try {
            source = apply_patch(repair.buggy, source_or_patch);
        } catch (const Error& error) {
            return {0, Outcome::unparsed, error.what()};
        }
    }
    const bool partial = repair.problem.partial;
    const CodeRun run = run_code(repair.problem, source, partial);
    if (run.outcome == Outcome::correct) return {1, run.outcome, run.reason};
    if (!partial) return {0, run.outcome, run.reason};
    const CodeRun before = run_code(repair.problem, repair.buggy, true);
    const size_t broken = first_broken(before, run);
    if (broken > 0) return {0, run.outcome, cat("test ", broken, " passed before and fails now")};
    // of the tests that failed before: the buggy source itself earns nothing
    const double share = (run.share() - before.share()) / (1 - before.share());
    return {before.share() < 1 ? std::max(share, 0.0) : 0, run.outcome, run.reason};
}

Verdict verify_bugfix(const nlohmann::json& gold, std::string_view completion) {
    const CodeProblem problem = parse(gold).problem;
    CodeBlock block;
    std::string reason;
    if (!extract_code(completion, problem.language, problem.names(), block, reason, {"diff", "patch"}))
        return {0, Outcome::unparsed, reason};
    return compare_bugfix(gold, block.text);
}

}  // namespace r1
