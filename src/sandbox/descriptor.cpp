#include "sandbox/descriptor.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "core/check.h"

namespace r1::sandbox {

void Descriptor::reset() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
}

Pipe make_pipe() {
    int ends[2];
    check(::pipe2(ends, O_CLOEXEC) == 0, "sandbox: cannot make a pipe: ", std::strerror(errno));
    return {Descriptor(ends[0]), Descriptor(ends[1])};
}

Descriptor empty_memory_file() {
    Descriptor file(::memfd_create("r1", MFD_CLOEXEC));
    check(static_cast<bool>(file), "sandbox: cannot make a file in memory: ", std::strerror(errno));
    return file;
}

Descriptor memory_file(std::string_view bytes) {
    const Descriptor file = empty_memory_file();
    while (!bytes.empty()) {
        const ssize_t wrote = ::write(file.get(), bytes.data(), bytes.size());
        if (wrote < 0 && errno == EINTR) continue;
        check(wrote > 0, "sandbox: cannot write a file in memory: ", std::strerror(errno));
        bytes.remove_prefix(static_cast<size_t>(wrote));
    }
    // opened again, so that a box can neither write to it nor move our offset
    ::fchmod(file.get(), 0444);
    Descriptor reading(::open(cat("/proc/self/fd/", file.get()).c_str(), O_RDONLY | O_CLOEXEC));
    check(static_cast<bool>(reading),
          "sandbox: cannot open a file in memory (is /proc mounted?): ", std::strerror(errno));
    return reading;
}

std::string contents(int fd, size_t most) {
    struct stat info {};
    check(::fstat(fd, &info) == 0, "sandbox: cannot look at a file in memory: ", std::strerror(errno));
    std::string bytes(std::min(static_cast<size_t>(info.st_size), most), '\0');
    size_t done = 0;
    while (done < bytes.size()) {
        const ssize_t got = ::pread(fd, bytes.data() + done, bytes.size() - done, static_cast<off_t>(done));
        if (got < 0 && errno == EINTR) continue;
        check(got > 0, "sandbox: cannot read a file in memory: ", std::strerror(errno));
        done += static_cast<size_t>(got);
    }
    return bytes;
}

std::string read_to_end(int fd, size_t most) {
    std::string text;
    while (text.size() < most && read_some(fd, text)) {
    }
    if (text.size() > most) text.resize(most);
    return text;
}

bool read_some(int fd, std::string& to) {
    char block[65536];
    const ssize_t got = ::read(fd, block, sizeof block);
    if (got < 0) return errno == EINTR || errno == EAGAIN;
    to.append(block, static_cast<size_t>(got));
    return got > 0;
}

ssize_t write_quietly(int fd, std::string_view bytes) {
    sigset_t broken, before;
    sigemptyset(&broken);
    sigaddset(&broken, SIGPIPE);
    ::pthread_sigmask(SIG_BLOCK, &broken, &before);
    const ssize_t wrote = ::write(fd, bytes.data(), bytes.size());
    const int code = errno;
    const timespec at_once = {};
    if (wrote < 0 && code == EPIPE) ::sigtimedwait(&broken, nullptr, &at_once);
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    errno = code;
    return wrote;
}

void set_nonblocking(int fd) {
    ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK);
}

}  // namespace r1::sandbox
