#include "reward/program.h"

#include <cmath>

#include "core/check.h"
#include "core/files.h"
#include "reward/composition.h"

namespace r1 {
namespace {

using nlohmann::json;

sandbox::ProcessSpec process_spec(const ProgramSpec& spec) {
    check(!spec.command.empty(), "[[reward]] program needs a command, such as [\"python3\", \"verify.py\"]");
    sandbox::ProcessSpec process;
    process.read_only = spec.read_only;
    for (const std::string& argument : spec.command) {
        std::error_code ignored;
        const fs::path path(argument);
        if (path.is_absolute() && &argument == &spec.command[0]) {
            process.command.push_back(argument);  // a program of the system
        } else if (fs::is_regular_file(path, ignored)) {
            // by its content: whoever runs in the box may not be able to read the folder
            process.command.push_back(cat("/verifier/", process.files.size(), "/", path.filename().string()));
            process.files.emplace_back(process.command.back(), read_file(path));
        } else {
            process.command.push_back(argument);
        }
    }
    process.limits.wall_seconds = process.limits.cpu_seconds = spec.budget_seconds;
    process.limits.memory_bytes = spec.memory_bytes;
    process.limits.output_bytes = size_t{1} << 20;
    return process;
}

Verdict verdict_of(const std::string& line) {
    const json answer = json::parse(line, nullptr, false);
    const auto unusable = [&](const char* why) {
        return Verdict{0, Outcome::error, cat("the program answered \"", line.substr(0, 80), "\": ", why)};
    };
    if (!answer.is_object()) return unusable("that is no JSON object");
    if (answer.contains("error")) return unusable("it says so itself");
    if (!answer.contains("score") || !answer["score"].is_number())
        return unusable("the number score is missing");
    const double score = answer["score"].get<double>();
    if (!std::isfinite(score) || std::abs(score) > 1e6) return unusable("the score is out of range");
    Verdict verdict{score, score >= 1.0 ? Outcome::correct : Outcome::wrong, ""};
    if (const auto reason = answer.find("reason"); reason != answer.end() && reason->is_string())
        verdict.reason = reason->get<std::string>();
    if (const auto outcome = answer.find("outcome"); outcome != answer.end()) {
        for (const Outcome known : {Outcome::correct, Outcome::wrong, Outcome::unparsed}) {
            if (*outcome == name_of(known)) verdict.outcome = known;
        }
    }
    return verdict;
}

}  // namespace

ProgramVerifier::ProgramVerifier(const ProgramSpec& spec) : spec_(process_spec(spec)) {
    idle_.push_back(std::make_unique<sandbox::Process>(spec_));
}

std::unique_ptr<sandbox::Process> ProgramVerifier::take() {
    {
        const std::scoped_lock lock(mutex_);
        if (!idle_.empty()) {
            auto process = std::move(idle_.back());
            idle_.pop_back();
            return process;
        }
    }
    return std::make_unique<sandbox::Process>(spec_);
}

Verdict ProgramVerifier::verify(const ScoringRequest& request) {
    const json line = {{"prompt", request.prompt}, {"completion", request.completion},
                       {"gold", request.gold},     {"kind", request.kind},
                       {"family", request.family}, {"source", request.source},
                       {"tokens", request.tokens}};
    // a completion may end within a character
    const std::string text = line.dump(-1, ' ', false, json::error_handler_t::replace);
    try {
        auto process = take();
        const sandbox::Process::Reply reply = process->request(text);
        if (!reply.answered) {
            const bool slow = reply.limit == sandbox::Limit::wall || reply.limit == sandbox::Limit::cpu;
            return {0, slow ? Outcome::timeout : Outcome::error, reply.failure};
        }
        Verdict verdict = verdict_of(reply.line);
        if (process->running()) {
            const std::scoped_lock lock(mutex_);
            idle_.push_back(std::move(process));
        }
        return verdict;
    } catch (const Error& error) {
        return {0, Outcome::error, error.what()};
    }
}

}  // namespace r1
