#include "sandbox/runner.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <csignal>
#include <cstring>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "core/check.h"
#include "core/clock.h"
#include "sandbox/descriptor.h"
#include "sandbox/manager.h"
#include "sandbox/tree.h"

namespace r1::sandbox {
namespace {

constexpr size_t kKeptErrors = 64 << 10;
constexpr double kLook = 0.01;  // seconds between looks at what a job uses
constexpr double kGrace = 5;    // a manager that has not ended a job by then is damaged
constexpr int kOwnTasks = 1;    // the first process of a job's box

using Ends = std::vector<std::pair<std::string, int>>;  // descriptors of a job, by name

nlohmann::json limits_json(const Limits& limits) {
    return {{"cpu_seconds", limits.cpu_seconds}, {"memory_bytes", limits.memory_bytes},
            {"processes", limits.processes},     {"file_bytes", limits.file_bytes},
            {"open_files", limits.open_files},   {"tmp_bytes", limits.tmp_bytes},
            {"tmp_files", limits.tmp_files}};
}

std::string bundle(const Job& job) {
    nlohmann::json files = nlohmann::json::array();
    std::string data;
    for (const auto& [name, content] : job.files) {
        files.push_back({name, content.size()});
        data += content;
    }
    return nlohmann::json{{"files", files}}.dump() + '\n' + data + job.source;
}

// A job while it runs.
class Execution {
  public:
    Execution(const Job& job, const char* mode, const Ends& ends) : limits_(job.limits) {
        Pipe output = make_pipe(), errors = make_pipe();
        const Descriptor input = memory_file(job.input), files = memory_file(bundle(job));
        Ends all = ends;
        all.insert(all.end(), {{"bundle", files.get()},
                               {"stdin", input.get()},
                               {"stdout", output.write.get()},
                               {"stderr", errors.write.get()}});
        if (!job.collect.empty()) {
            collected_ = empty_memory_file();
            all.emplace_back("collect", collected_.get());
        }
        const nlohmann::json request = {
            {"mode", mode}, {"argv", job.argv}, {"limits", limits_json(limits_)}, {"collect", job.collect}};
        output_ = std::move(output.read);
        errors_ = std::move(errors.read);
        set_nonblocking(output_.get());
        set_nonblocking(errors_.get());
        begin_ = seconds_now();
        next_look_ = begin_ + kLook;
        manager_ = Manager::start(request, limits_, all);
    }

    bool done() const { return done_; }

    void add_to(std::vector<pollfd>& waiting) const {
        waiting.push_back({output_.get(), POLLIN, 0});
        waiting.push_back({errors_.get(), POLLIN, 0});
        waiting.push_back({done_ ? -1 : manager_->socket(), POLLIN, 0});
    }

    // `ready` are the three that add_to() appended.
    void advance(const pollfd* ready) {
        if (ready[0].revents != 0) take(output_, result_.output, limits_.output_bytes, true);
        if (ready[1].revents != 0) take(errors_, result_.errors, kKeptErrors, false);
        if (done_) return;
        if (ready[2].revents != 0) return finish();
        const double now = seconds_now();
        if (result_.limit == Limit::none && now - begin_ > limits_.wall_seconds) stop(Limit::wall);
        if (stopped_at_ > 0 && now - stopped_at_ > kGrace) return fail_with("the manager does not answer");
        if (now >= next_look_) look(now);
    }

    void stop(Limit limit) {
        if (done_ || stopped_at_ > 0) return;
        result_.limit = limit;
        stopped_at_ = seconds_now();
        manager_->kill_job();
    }

    Result take_result() {
        if (result_.failure.empty() && collected_)
            result_.collected = contents(collected_.get(), limits_.file_bytes);
        return std::move(result_);
    }

  private:
    void take(Descriptor& from, std::string& to, size_t most, bool limited) {
        if (!read_some(from.get(), to)) from.reset();
        if (to.size() <= most) return;
        to.resize(most);
        if (limited) stop(Limit::output);
    }

    void look(double now) {
        next_look_ = now + kLook;
        const TreeUsage usage = tree_usage(manager_->first_process(), false);
        result_.peak_memory = std::max(result_.peak_memory, usage.memory_bytes + usage.tmp_bytes);
        result_.cpu_seconds = std::max(result_.cpu_seconds, tally_.add(usage));
        const Limit limit = exceeded(usage, limits_, result_.cpu_seconds, kOwnTasks);
        if (limit != Limit::none) stop(limit);
    }

    void finish() {
        const std::optional<nlohmann::json> answer = manager_->answer();
        if (!answer) return fail_with("the manager has ended");
        result_.seconds = seconds_now() - begin_;
        if (!answer->value("ready", false) && result_.limit == Limit::none)
            return fail_with(answer->value("failure", "no reason is known"));
        const int status = answer->value("status", 0);
        result_.cpu_seconds = std::max(result_.cpu_seconds, answer->value("cpu", 0.0));
        result_.peak_memory = std::max(result_.peak_memory, answer->value("memory", size_t{0}));
        if (WIFEXITED(status)) {
            result_.status = WEXITSTATUS(status);
        } else {
            result_.signal = WTERMSIG(status);
        }
        const bool out_of_time = result_.signal == SIGXCPU ||
                                 (result_.signal == SIGKILL && result_.cpu_seconds >= limits_.cpu_seconds);
        if (result_.limit == Limit::none && out_of_time) result_.limit = Limit::cpu;
        if (result_.limit == Limit::none && manager_->ran_out_of_memory()) result_.limit = Limit::memory;
        // all writers are dead: what they wrote is in the pipes
        while (output_ && result_.output.size() <= limits_.output_bytes &&
               read_some(output_.get(), result_.output)) {
            pollfd more = {output_.get(), POLLIN, 0};
            if (::poll(&more, 1, 0) <= 0) break;
        }
        while (errors_ && result_.errors.size() <= kKeptErrors && read_some(errors_.get(), result_.errors)) {
            pollfd more = {errors_.get(), POLLIN, 0};
            if (::poll(&more, 1, 0) <= 0) break;
        }
        if (result_.output.size() > limits_.output_bytes) {
            result_.output.resize(limits_.output_bytes);
            if (result_.limit == Limit::none) result_.limit = Limit::output;
        }
        Manager::give_back(std::move(manager_));
        end();
    }

    void fail_with(const std::string& reason) {
        result_.failure = cat("sandbox: ", reason);
        manager_.reset();
        end();
    }

    void end() {
        done_ = true;
        output_.reset();
        errors_.reset();
    }

    Limits limits_;
    std::unique_ptr<Manager> manager_;
    Descriptor output_, errors_, collected_;
    Result result_;
    CpuTally tally_;
    bool done_ = false;
    double begin_ = 0, next_look_ = 0, stopped_at_ = 0;
};

// One round of waiting for any of them, at most until the next look is due.
void wait_for(const std::vector<Execution*>& executions) {
    std::vector<pollfd> waiting;
    for (const Execution* execution : executions) execution->add_to(waiting);
    if (::poll(waiting.data(), waiting.size(), static_cast<int>(kLook * 1000)) < 0)
        for (pollfd& entry : waiting) entry.revents = 0;
    for (size_t i = 0; i < executions.size(); ++i) executions[i]->advance(&waiting[3 * i]);
}

Result run_once(const Job& job) {
    Execution execution(job, job.mode == Job::Mode::python ? "python" : "exec", {});
    while (!execution.done()) wait_for({&execution});
    return execution.take_result();
}

TestRun test_once(const std::string& tester_spec, const std::string& candidate_source, const Limits& limits) {
    Pipe questions = make_pipe(), answers = make_pipe();
    const Descriptor verdict = empty_memory_file();
    Job tester, candidate;
    tester.source = tester_spec;
    tester.limits = candidate.limits = limits;
    candidate.source = candidate_source;
    Execution asked(candidate, "candidate", {{"from", questions.read.get()}, {"to", answers.write.get()}});
    Execution asking(
        tester, "tester",
        {{"from", answers.read.get()}, {"to", questions.write.get()}, {"verdict", verdict.get()}});
    for (Descriptor* end : {&questions.read, &questions.write, &answers.read, &answers.write}) end->reset();
    while (!asked.done() || !asking.done()) {
        wait_for({&asked, &asking});
        if (asking.done()) asked.stop(Limit::none);
    }
    TestRun result;
    result.tester = asking.take_result();
    result.candidate = asked.take_result();
    result.verdict = contents(verdict.get(), size_t{16} << 20);
    return result;
}

}  // namespace

Result run(const Job& job) {
    Result result = run_once(job);
    return result.failure.empty() ? result : run_once(job);  // once more, on another manager
}

TestRun run_tests(const std::string& tester_spec, const std::string& candidate_source, const Limits& limits) {
    TestRun result = test_once(tester_spec, candidate_source, limits);
    const bool failed = !result.tester.failure.empty() || !result.candidate.failure.empty();
    return failed ? test_once(tester_spec, candidate_source, limits) : result;
}

void stop_managers() {
    Manager::stop_idle();
}

}  // namespace r1::sandbox
