#include "sandbox/manager.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <mutex>
#include <nlohmann/json.hpp>

#include "core/check.h"
#include "sandbox/launch.h"
#include "sandbox/scripts.h"
#include "sandbox/seccomp_filter.h"
#include "sandbox/tree.h"

namespace r1::sandbox {
namespace {

constexpr int kJobsOfOne = 20000;  // then it is replaced, whatever it may have gathered

struct Idle {
    std::mutex mutex;
    std::vector<std::unique_ptr<Manager>> managers;
};
Idle& idle() {
    static Idle all;
    return all;
}

std::string receive(int socket) {  // one datagram; empty when the other side has gone
    std::string data(1 << 17, '\0');
    ssize_t got = 0;
    do got = ::recv(socket, data.data(), data.size(), 0);
    while (got < 0 && errno == EINTR);
    data.resize(got > 0 ? static_cast<size_t>(got) : 0);
    return data;
}

}  // namespace

Manager::Manager() {
    require_sandbox();
    int ends[2];
    check(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == 0,
          "sandbox: cannot make a socket: ", std::strerror(errno));
    socket_ = Descriptor(ends[0]);
    const Descriptor theirs(ends[1]);
    const Descriptor filter = memory_file(seccomp_program(Filter::program)), null = memory_file("");
    Pipe errors = make_pipe();
    LaunchSpec spec;
    const std::string python = find_program("python3");
    check(!python.empty(),
          "running code needs python3 (3.8 or newer) in /usr/bin; install it: apt-get install python3");
    const bool boxed = isolation() == Isolation::bubblewrap;
    const std::string script = cat(manager_script, calls_script, tester_script, "\nstart_manager()\n");
    spec.command = {python, "-s", "-B", "-c", script, boxed ? "boxed" : "bare"};
    spec.descriptors = {{null.get(), 0},
                        {errors.write.get(), 1},
                        {errors.write.get(), 2},
                        {theirs.get(), 3},
                        {filter.get(), 4}};
    spec.manager = true;
    box_ = launch(spec);
    errors.write.reset();
    pollfd waiting[2] = {{socket_.get(), POLLIN, 0}, {errors.read.get(), POLLIN, 0}};
    constexpr int most_milliseconds = 30000;
    const bool hello = ::poll(waiting, 2, most_milliseconds) > 0 && waiting[0].revents == POLLIN &&
                       !receive(socket_.get()).empty();
    if (!hello) {
        kill_box(std::exchange(box_, -1));
        const std::string text = read_to_end(errors.read.get(), 4096);
        fail("sandbox: the Python manager did not start: ", text.empty() ? "no answer" : text);
    }
    first_process_ = boxed ? first_child(box_) : box_;
    check(first_process_ > 0,
          "sandbox: /proc/PID/task/TID/children cannot be read; the kernel needs CONFIG_PROC_CHILDREN");
    if (boxed) group_ = Cgroup::make();
    if (group_ && !group_->add(tree_usage(box_, true).pids)) group_.reset();
}

Manager::~Manager() {
    socket_.reset();
    kill_box(box_);
}

std::unique_ptr<Manager> Manager::start(const nlohmann::json& request, const Limits& limits,
                                        const std::vector<std::pair<std::string, int>>& descriptors) {
    while (true) {
        std::unique_ptr<Manager> manager;
        {
            const std::lock_guard lock(idle().mutex);
            if (!idle().managers.empty()) {
                manager = std::move(idle().managers.back());
                idle().managers.pop_back();
            }
        }
        const bool fresh = !manager;
        if (fresh) manager.reset(new Manager);
        if (manager->group_) {
            manager->group_->set_limits(limits);
            manager->kills_before_ = manager->group_->out_of_memory_kills();
        }
        if (manager->send(request, descriptors)) return manager;
        check(!fresh, "sandbox: a manager that has just started takes no job: ", std::strerror(errno));
    }
}

void Manager::give_back(std::unique_ptr<Manager> manager) {
    if (manager->jobs_ >= kJobsOfOne) return;
    const std::lock_guard lock(idle().mutex);
    idle().managers.push_back(std::move(manager));
}

void Manager::stop_idle() {
    std::vector<std::unique_ptr<Manager>> ending;
    const std::lock_guard lock(idle().mutex);
    ending.swap(idle().managers);
}

bool Manager::send(const nlohmann::json& request,
                   const std::vector<std::pair<std::string, int>>& descriptors) {
    nlohmann::json message = request;
    message["id"] = ++jobs_;
    message["names"] = nlohmann::json::array();
    std::vector<int> numbers;
    for (const auto& [name, number] : descriptors) {
        message["names"].push_back(name);
        numbers.push_back(number);
    }
    const std::string text = message.dump();
    iovec data = {const_cast<char*>(text.data()), text.size()};
    alignas(cmsghdr) char control[CMSG_SPACE(16 * sizeof(int))] = {};
    check(numbers.size() <= 16, "sandbox: too many descriptors");
    msghdr header = {};
    header.msg_iov = &data;
    header.msg_iovlen = 1;
    header.msg_control = control;
    header.msg_controllen = CMSG_SPACE(numbers.size() * sizeof(int));
    cmsghdr* rights = CMSG_FIRSTHDR(&header);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(numbers.size() * sizeof(int));
    std::memcpy(CMSG_DATA(rights), numbers.data(), numbers.size() * sizeof(int));
    return ::sendmsg(socket_.get(), &header, MSG_NOSIGNAL) == static_cast<ssize_t>(text.size());
}

void Manager::kill_job() {
    constexpr std::string_view text = R"({"kill": true})";
    ::send(socket_.get(), text.data(), text.size(), MSG_NOSIGNAL);
}

bool Manager::ran_out_of_memory() const {
    return group_ && group_->out_of_memory_kills() > kills_before_;
}

std::optional<nlohmann::json> Manager::answer() {
    const std::string text = receive(socket_.get());
    nlohmann::json answer = nlohmann::json::parse(text, nullptr, false);
    if (!answer.is_object() || answer.value("id", 0) != jobs_) return std::nullopt;
    return answer;
}

}  // namespace r1::sandbox
