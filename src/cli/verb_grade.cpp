#include <nlohmann/json.hpp>

#include "cli/jsonl.h"
#include "cli/verbs.h"
#include "reward/verifier.h"
#include "sandbox/launch.h"

namespace r1::cli {
namespace {

struct Config {
    std::string sandbox = "bubblewrap";
};

std::vector<Option> options(Config& c) {
    return {{.name = "sandbox",
             .target = &c.sandbox,
             .help = "What foreign code runs in; none: as you, without any protection",
             .choices = {"bubblewrap", "none"}}};
}

nlohmann::ordered_json answer(const nlohmann::json& request, const std::string&) {
    const nlohmann::json graded = grade(request);
    nlohmann::ordered_json out = {
        {"score", graded.at("score")}, {"outcome", graded.at("outcome")}, {"reason", graded.at("reason")}};
    for (const auto& [key, value] : graded.items()) out[key] = value;
    return out;
}

int run(const Config& c) {
    if (c.sandbox == "none") sandbox::set_isolation(sandbox::Isolation::none);
    return answer_lines(answer);
}

std::string details() {
    std::string text =
        "Reads JSON lines from standard input and answers each with one:\n"
        "  {\"kind\": \"number\", \"gold\": \"42\", \"completion\": \"…\"}  ->  {\"score\", \"outcome\", "
        "\"reason\"}\n"
        "\"completion\" is all that a model wrote, \"answer\" an answer that is already extracted. The "
        "kinds:";
    for (const Verifier& verifier : verifiers()) text += "\n  " + verifier.name + ": " + verifier.summary;
    return text;
}

}  // namespace

Verb grade_verb() {
    return make_verb<Config>("grade", "Grade answers with a verifier (JSON lines)", details(), options, run);
}

}  // namespace r1::cli
