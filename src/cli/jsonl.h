// JSON lines on standard input to JSON lines on standard output: one answer for each line, in order, each
// written at once. A line that cannot be answered gives {"error": "…"} and the stream goes on.
#pragma once
#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

namespace r1::cli {

// Lines end at '\n' alone and may have any length; blank ones are skipped.
class LineReader {
  public:
    explicit LineReader(int fd) : fd_(fd) {}
    std::optional<std::string> next();  // waits; empty at the end of the input
    bool ready();                       // next() would not wait: a whole line, or the end, is here

  private:
    bool fill();  // reads what is there, waiting for at least a byte; false at the end
    int fd_;
    bool end_ = false;
    size_t begin_ = 0, searched_ = 0;
    std::string buffer_;
};

// Writes one line. Bytes that are not UTF-8 become U+FFFD.
void print_line(const nlohmann::json& value);
void print_line(const nlohmann::ordered_json& value);
// {"error": text}
void print_error(const std::string& text);

// Runs `action` and returns what is wrong: the text of an Error (or of a field of the wrong type) that it
// throws, else nothing.
std::string error_of(const std::function<void()>& action);

// Answers all of standard input, a line at a time. An Error (or wrong type of a field) that `answer` throws
// is that line's {"error"}.
// `line` is the request as it was read: with its order of keys.
using Answer = std::function<nlohmann::ordered_json(const nlohmann::json& request, const std::string& line)>;
int answer_lines(const Answer& answer);

}  // namespace r1::cli
