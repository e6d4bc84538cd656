// Errors. Everything that can go wrong is an r1::Error whose text says what happened, where, and what to do.
// The library never exits or aborts on input; the command line prints the text as one line.
#pragma once
#include <sstream>
#include <stdexcept>
#include <string>

namespace r1 {

class Error : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
};

// Concatenates its arguments as an ostream would print them.
template <class... Args>
std::string cat(const Args&... args) {
    std::ostringstream out;
    (out << ... << args);
    return out.str();
}

template <class... Args>
[[noreturn]] void fail(const Args&... args) {
    throw Error(cat(args...));
}

// Throws Error with the concatenated arguments unless `condition` holds.
template <class... Args>
void check(bool condition, const Args&... args) {
    if (!condition) [[unlikely]]
        fail(args...);
}

}  // namespace r1
