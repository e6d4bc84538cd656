#include "sandbox/process.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "core/check.h"
#include "core/clock.h"
#include "sandbox/descriptor.h"
#include "sandbox/launch.h"

namespace r1::sandbox {
namespace {

constexpr size_t kKeptErrors = 4096;

std::string last_line(const std::string& text) {
    const size_t end = text.find_last_not_of(" \r\n\t");
    if (end == std::string::npos) return "";
    const size_t begin = text.rfind('\n', end);
    return text.substr(begin == std::string::npos ? 0 : begin + 1,
                       end - (begin == std::string::npos ? 0 : begin));
}

}  // namespace

Process::Process(const ProcessSpec& spec) : limits_(spec.limits) {
    require_sandbox();
    check(!spec.command.empty(), "sandbox: the command is empty");
    LaunchSpec launched;
    launched.command = spec.command;
    if (spec.command[0].find('/') == std::string::npos) {
        launched.command[0] = find_program(spec.command[0]);
        check(!launched.command[0].empty(), "sandbox: there is no program ", spec.command[0], " in /usr/bin");
    }
    Pipe input = make_pipe(), output = make_pipe(), errors = make_pipe();
    launched.descriptors = {{input.read.get(), 0}, {output.write.get(), 1}, {errors.write.get(), 2}};
    launched.read_only = spec.read_only;
    launched.files = spec.files;
    launched.limits = spec.limits;
    box_ = launch(launched);
    input_ = ::fcntl(input.write.get(), F_DUPFD_CLOEXEC, 3);
    output_ = ::fcntl(output.read.get(), F_DUPFD_CLOEXEC, 3);
    errors_ = ::fcntl(errors.read.get(), F_DUPFD_CLOEXEC, 3);
    for (const int fd : {input_, output_, errors_}) set_nonblocking(fd);
}

Process::~Process() {
    stop();
}

void Process::stop() {
    kill_box(std::exchange(box_, -1));
    for (int* fd : {&input_, &output_, &errors_})
        if (*fd >= 0) ::close(std::exchange(*fd, -1));
}

Process::Reply Process::give_up(Limit limit, const std::string& reason) {
    const std::string said = last_line(error_text_);
    stop();
    return {false, "", limit, said.empty() ? reason : cat(reason, " (", said.substr(0, 300), ")")};
}

bool Process::pump(std::string_view& unsent, std::string& received, int milliseconds) {
    pollfd waiting[3] = {
        {output_, POLLIN, 0}, {errors_, POLLIN, 0}, {unsent.empty() ? -1 : input_, POLLOUT, 0}};
    if (::poll(waiting, 3, milliseconds) <= 0) return true;
    if (waiting[1].revents != 0 && errors_ >= 0) {
        if (!read_some(errors_, error_text_)) ::close(std::exchange(errors_, -1));
        if (error_text_.size() > kKeptErrors) error_text_.erase(0, error_text_.size() - kKeptErrors);
    }
    if (waiting[2].revents != 0) {
        const ssize_t wrote = write_quietly(input_, unsent);
        if (wrote < 0 && errno != EAGAIN && errno != EINTR) return false;
        if (wrote > 0) unsent.remove_prefix(static_cast<size_t>(wrote));
    }
    return waiting[0].revents == 0 || read_some(output_, received);
}

Process::Reply Process::request(std::string_view line, double seconds) {
    check(line.find('\n') == std::string_view::npos, "sandbox: a request is one line");
    if (!running()) return {false, "", Limit::none, "the program has ended"};
    if (seconds <= 0) seconds = limits_.wall_seconds;
    const double begin = seconds_now();
    std::string received;
    std::string_view nothing;
    while (true) {  // what nobody asked for
        pollfd waiting = {output_, POLLIN, 0};
        if (::poll(&waiting, 1, 0) <= 0) break;
        if (!pump(nothing, received, 0)) return give_up(Limit::none, "the program ended before it was asked");
        received.clear();
        if (seconds_now() - begin > seconds)
            return give_up(Limit::output, "the program writes without being asked");
    }
    const std::string request = std::string(line) + '\n';
    std::string_view unsent = request;
    double next_look = begin + 0.01, cpu_before = -1;  // counted from the first look on
    size_t searched = 0;
    while (true) {
        const bool alive = pump(unsent, received, 10);
        const size_t end = received.find('\n', searched);
        if (end != std::string::npos && unsent.empty()) {
            received.resize(end);
            return {true, std::move(received), Limit::none, ""};
        }
        if (end == std::string::npos) searched = received.size();
        if (!alive) return give_up(Limit::none, "the program ended without an answer");
        if (received.size() > limits_.output_bytes)
            return give_up(Limit::output, "the program's answer is longer than allowed");
        const double now = seconds_now();
        if (now - begin > seconds) return give_up(Limit::wall, cat("no answer within ", seconds, " s"));
        if (now < next_look) continue;
        next_look = now + 0.01;
        const TreeUsage usage = tree_usage(box_, false);
        if (cpu_before < 0) cpu_before = usage.cpu_seconds;
        const Limit limit = exceeded(usage, limits_, usage.cpu_seconds - cpu_before, 1);
        cpu_used_ = std::max(cpu_used_, usage.cpu_seconds);
        if (limit != Limit::none)
            return give_up(limit, cat("the program used more than its ", name_of(limit)));
    }
}

}  // namespace r1::sandbox
