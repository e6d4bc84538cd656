#include <algorithm>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>
#include <random>

#include "core/ascii.h"
#include "core/check.h"
#include "core/clock.h"
#include "reward/code_problem.h"
#include "sandbox/launch.h"
#include "sandbox/runner.h"

namespace r1 {
namespace {

using sandbox::Job;
using sandbox::Limit;
using sandbox::Result;

constexpr double kMostSeconds = 300;  // for all tests of one answer

std::string last_line(const std::string& text) {
    const size_t end = text.find_last_not_of(" \r\n\t");
    if (end == std::string::npos) return "";
    const size_t before = text.rfind('\n', end);
    const size_t begin = before == std::string::npos ? 0 : before + 1;
    return text.substr(begin, std::min<size_t>(end + 1 - begin, 300));
}

// Why a program that ran did not end well; empty if it did.
std::string trouble(const Result& result) {
    if (result.limit != Limit::none) return cat("more than its ", name_of(result.limit));
    if (result.signal != 0) return cat("ended by signal ", result.signal);
    if (result.status == 0) return "";
    const std::string said = last_line(result.errors);
    return said.empty() ? cat("ended with status ", result.status) : said;
}

bool is_time(Limit limit) {
    return limit == Limit::wall || limit == Limit::cpu;
}

std::string first_error(const std::string& text) {
    const size_t at = text.find("error:");
    if (at == std::string::npos) return last_line(text);
    return text.substr(at, std::min(text.find('\n', at), at + 300) - at);
}

// The job that runs the program; its input is still empty. False, with the verdict in `run`, if it does not
// compile.
bool prepare(const CodeProblem& problem, const std::string& source, Job& job, CodeRun& run) {
    job.limits = problem.limits;
    if (problem.language == "python") {
        job.mode = Job::Mode::python;
        job.source = source;
        return true;
    }
    const std::string compiler = sandbox::find_program("g++");
    check(!compiler.empty(), "code: C++ needs g++ in /usr/bin; install it: apt-get install g++");
    Job compile;
    compile.argv = {compiler, "-std=c++20", "-O2", "-o", "program", "main.cpp"};
    compile.files = {{"main.cpp", source}};
    compile.collect = "program";
    compile.limits.cpu_seconds = 20;
    compile.limits.wall_seconds = 60;
    compile.limits.memory_bytes = size_t{2} << 30;
    compile.limits.tmp_bytes = size_t{256} << 20;
    const Result compiled = sandbox::run(compile);
    check(compiled.failure.empty(), compiled.failure);
    if (!compiled.ok() || compiled.collected.empty()) {
        const std::string reason =
            compiled.limit != Limit::none ? trouble(compiled) : first_error(compiled.errors);
        run.reason = cat("does not compile: ", reason);
        return false;
    }
    job.argv = {"./program"};
    job.files = {{"program", compiled.collected}};
    return true;
}

CodeRun run_programs(const CodeProblem& problem, const std::string& source, bool all) {
    CodeRun run;
    run.total = problem.programs.size();
    Job job;
    if (!prepare(problem, source, job, run)) return run;
    // a box has no /proc, so its /dev/stdin is a link to a file
    const bool opens_stdin = source.find("/dev/stdin") != std::string::npos;
    if (opens_stdin) job.files.emplace_back("stdin", "");
    const double begin = seconds_now();
    run.outcome = Outcome::correct;
    for (const InputOutput& test : problem.programs) {
        const size_t number = run.passed.size() + 1;
        if (seconds_now() - begin > kMostSeconds) {
            run.outcome = Outcome::timeout;
            run.reason = cat("all tests together took more than ", kMostSeconds, " s");
            return run;
        }
        job.input = test.input;
        if (opens_stdin) job.files.back().second = test.input;
        job.limits.output_bytes = std::max<size_t>(size_t{1} << 20, 4 * test.output.size());
        const Result result = sandbox::run(job);
        check(result.failure.empty(), result.failure);
        std::string reason = trouble(result);
        if (reason.empty() && !outputs_match(result.output, test.output, problem.compare))
            reason = "the output differs from what is expected";
        run.passed.push_back(reason.empty());
        if (reason.empty() || run.outcome != Outcome::correct) continue;
        run.outcome = is_time(result.limit) ? Outcome::timeout : Outcome::wrong;
        run.reason = cat("test ", number, " of ", run.total, ": ", reason);
        if (!all) return run;
    }
    if (run.outcome == Outcome::correct) run.reason = cat("passes all ", run.total, " tests");
    return run;
}

std::string make_nonce() {
    std::random_device device;
    std::string text;
    for (int i = 0; i < 4; ++i) text += cat(std::hex, device(), ".");
    return text;
}

CodeRun run_functions(const CodeProblem& problem, const std::string& source) {
    nlohmann::json spec = nlohmann::json::parse(problem.tester);
    const std::string nonce = make_nonce();
    spec["nonce"] = nonce;
    const sandbox::TestRun done = sandbox::run_tests(spec.dump(), source, problem.limits);
    check(done.tester.failure.empty() && done.candidate.failure.empty(), done.tester.failure,
          done.candidate.failure);
    CodeRun run;
    const Limit limit = done.candidate.limit != Limit::none ? done.candidate.limit : done.tester.limit;
    run.outcome = is_time(limit) ? Outcome::timeout : Outcome::wrong;
    const nlohmann::json verdict = nlohmann::json::parse(done.verdict, nullptr, false);
    if (!verdict.is_object() || verdict.value("nonce", "") != nonce) {
        check(limit != Limit::none, "sandbox: the tester gave no verdict: ", last_line(done.tester.errors));
        run.reason = cat("more than its ", name_of(limit));
        return run;
    }
    if (!verdict["loaded"].get<bool>()) {
        run.reason =
            limit != Limit::none ? cat("more than its ", name_of(limit)) : verdict.value("failure", "");
        return run;
    }
    run.total = verdict["results"].size();
    check(run.total > 0, "code: there are no tests");
    for (const nlohmann::json& result : verdict["results"]) {
        run.passed.push_back(result["passed"].get<bool>());
        if (run.passed.back() || !run.reason.empty()) continue;
        run.reason =
            cat("test ", run.passed.size(), " of ", run.total, ": ",
                limit != Limit::none ? cat("more than its ", name_of(limit)) : result.value("reason", ""));
    }
    check(!verdict.value("unmade", false), "code: the tests cannot be run: ", run.reason);
    if (run.reason.empty()) {
        run.outcome = Outcome::correct;
        run.reason = cat("passes all ", run.total, " tests");
    }
    return run;
}

// --- outputs

constexpr std::string_view kBlanks = " \t\r\n\v\f";

std::string_view stripped(std::string_view text) {
    const size_t begin = text.find_first_not_of(kBlanks);
    if (begin == std::string_view::npos) return {};
    return text.substr(begin, text.find_last_not_of(kBlanks) + 1 - begin);
}

std::string_view next_piece(std::string_view& text, std::string_view separators) {
    const size_t end = std::min(text.find_first_of(separators), text.size());
    const std::string_view piece = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    return piece;
}

std::string_view next_token(std::string_view& text) {
    text.remove_prefix(std::min(text.find_first_not_of(kBlanks), text.size()));
    return next_piece(text, kBlanks);
}

bool same_word(std::string_view a, std::string_view b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [](char x, char y) { return ascii_lower(x) == ascii_lower(y); });
}

bool is_integer(std::string_view text) {
    if (text.starts_with('-')) text.remove_prefix(1);
    return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

bool finite_number(std::string_view text, double& value) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    return error == std::errc() && end == text.data() + text.size() && std::isfinite(value);
}

bool same_token(std::string_view got, std::string_view expected) {
    if (same_word(got, expected)) return true;
    if (is_integer(got) && is_integer(expected)) return false;
    double a = 0, b = 0;
    if (!finite_number(got, a) || !finite_number(expected, b)) return false;
    // a value below the tolerance is not met by 0
    const double tolerance = b == 0 ? 1e-5 : std::min(1e-5, std::abs(b) / 10);
    return std::abs(a - b) < tolerance;
}

}  // namespace

double CodeRun::share() const {
    const auto good = static_cast<double>(std::count(passed.begin(), passed.end(), true));
    return total == 0 ? 0 : good / static_cast<double>(total);
}

CodeRun run_code(const CodeProblem& problem, const std::string& source, bool all) {
    return problem.programs.empty() ? run_functions(problem, source) : run_programs(problem, source, all);
}

bool outputs_match(std::string_view got, std::string_view expected, OutputCompare compare) {
    if (compare == OutputCompare::exact) {
        const auto trimmed = [](std::string_view text) {
            return text.substr(0, text.find_last_not_of(kBlanks) + 1);
        };
        return trimmed(got) == trimmed(expected);
    }
    if (compare == OutputCompare::lines) {
        got = stripped(got);
        expected = stripped(expected);
        while (!got.empty() || !expected.empty())
            if (stripped(next_piece(got, "\n")) != stripped(next_piece(expected, "\n"))) return false;
        return true;
    }
    while (true) {
        const std::string_view a = next_token(got), b = next_token(expected);
        if (a.empty() && b.empty()) return true;
        if (a.empty() || b.empty() || !same_token(a, b)) return false;
    }
}

}  // namespace r1
