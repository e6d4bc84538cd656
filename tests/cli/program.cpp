#include "cli/program.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>

#include "core/check.h"
#include "core/files.h"

namespace r1::test {
namespace {

// Starts the program over these descriptors; they stay open here.
int start(const std::vector<std::string>& arguments, int in, int out, int err) {
    std::vector<char*> argv{const_cast<char*>(R1_BINARY)};
    for (const auto& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
    argv.push_back(nullptr);
    const int pid = ::fork();
    check(pid >= 0, "fork failed");
    if (pid == 0) {
        ::dup2(in, STDIN_FILENO);
        ::dup2(out, STDOUT_FILENO);
        ::dup2(err, STDERR_FILENO);
        std::signal(SIGPIPE, SIG_DFL);
        ::execv(R1_BINARY, argv.data());
        ::_exit(127);
    }
    return pid;
}

int wait_for(int pid) {
    int status = 0;
    ::waitpid(pid, &status, 0);
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

// A file without a name.
int temporary() {
    std::string pattern = (fs::temp_directory_path() / "r1-test-XXXXXX").string();
    const int fd = ::mkostemp(pattern.data(), O_CLOEXEC);
    check(fd >= 0, "no temporary file");
    ::unlink(pattern.c_str());
    return fd;
}

std::string content(int fd) {
    std::string text(static_cast<size_t>(::lseek(fd, 0, SEEK_END)), '\0');
    check(::pread(fd, text.data(), text.size(), 0) == static_cast<ssize_t>(text.size()), "short read");
    ::close(fd);
    return text;
}

int input_file(const std::string& input) {
    const int fd = temporary();
    check(::pwrite(fd, input.data(), input.size(), 0) == static_cast<ssize_t>(input.size()), "short write");
    return fd;
}

}  // namespace

Result run(const std::vector<std::string>& arguments, const std::string& input, const std::string& out_path) {
    const int in = input_file(input), err = temporary();
    const int out = out_path.empty() ? temporary() : ::open(out_path.c_str(), O_WRONLY | O_CLOEXEC);
    Result result;
    result.code = wait_for(start(arguments, in, out, err));
    ::close(in);
    if (out_path.empty()) {
        result.out = content(out);
    } else {
        ::close(out);
    }
    result.err = content(err);
    return result;
}

Result run_without_reader(const std::vector<std::string>& arguments, const std::string& input) {
    const int in = input_file(input), err = temporary();
    int ends[2];
    check(::pipe2(ends, O_CLOEXEC) == 0, "no pipe");
    ::close(ends[0]);
    Result result;
    result.code = wait_for(start(arguments, in, ends[1], err));
    ::close(in);
    ::close(ends[1]);
    result.err = content(err);
    return result;
}

Conversation::Conversation(const std::vector<std::string>& arguments) {
    int to[2], from[2];
    check(::pipe2(to, O_CLOEXEC) == 0 && ::pipe2(from, O_CLOEXEC) == 0, "no pipe");
    pid_ = start(arguments, to[0], from[1], STDERR_FILENO);
    ::close(to[0]);
    ::close(from[1]);
    in_ = to[1];
    out_ = from[0];
}

Conversation::~Conversation() {
    if (pid_ >= 0) finish();
    ::close(out_);
}

std::string Conversation::ask(const std::string& line) {
    const std::string text = line + "\n";
    check(::write(in_, text.data(), text.size()) == static_cast<ssize_t>(text.size()), "short write");
    std::string answer;
    for (;;) {
        pollfd waiting{out_, POLLIN, 0};
        char c = 0;
        if (::poll(&waiting, 1, 10'000) <= 0 || ::read(out_, &c, 1) != 1) return "";
        if (c == '\n') return answer;
        answer += c;
    }
}

int Conversation::finish() {
    ::close(in_);
    const int pid = pid_;
    pid_ = -1;
    return wait_for(pid);
}

}  // namespace r1::test
