// File descriptors that close themselves, pipes, and files in memory.
#pragma once
#include <sys/types.h>

#include <string>
#include <string_view>
#include <utility>

namespace r1::sandbox {

class Descriptor {
  public:
    Descriptor() = default;
    explicit Descriptor(int fd) : fd_(fd) {}
    ~Descriptor() { reset(); }
    Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    Descriptor& operator=(Descriptor&& other) noexcept {
        if (this != &other) {
            reset();
            fd_ = std::exchange(other.fd_, -1);
        }
        return *this;
    }
    int get() const { return fd_; }
    explicit operator bool() const { return fd_ >= 0; }
    void reset();

  private:
    int fd_ = -1;
};

struct Pipe {
    Descriptor read, write;
};
Pipe make_pipe();  // both ends close on exec; throws

// A file that has no name and holds `bytes`, open for reading alone, at its start. Throws.
Descriptor memory_file(std::string_view bytes);
// An empty one, for reading and writing.
Descriptor empty_memory_file();
std::string contents(int fd, size_t most);  // of a file from its start; throws on a read error

// What comes until the other end closes, at most `most` bytes. Waits.
std::string read_to_end(int fd, size_t most);
// Appends what is there to `to`, without waiting where fd is non-blocking; false at the end.
bool read_some(int fd, std::string& to);
// As write(), but to a pipe that nobody reads it answers EPIPE and sends no signal.
ssize_t write_quietly(int fd, std::string_view bytes);
void set_nonblocking(int fd);

}  // namespace r1::sandbox
