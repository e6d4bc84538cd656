// Runs the built program as a user would.
#pragma once
#include <string>
#include <vector>

namespace r1::test {

struct Result {
    int code = -1;  // exit code; 128 + signal if a signal ended it
    std::string out, err;
};
// Standard output goes to `out_path` instead of Result::out if that is not empty.
Result run(const std::vector<std::string>& arguments, const std::string& input = "",
           const std::string& out_path = "");
// Standard output is a pipe whose reader has gone.
Result run_without_reader(const std::vector<std::string>& arguments, const std::string& input = "");

// A running program whose lines are written and read in turn.
class Conversation {
  public:
    explicit Conversation(const std::vector<std::string>& arguments);
    ~Conversation();
    Conversation(const Conversation&) = delete;
    Conversation& operator=(const Conversation&) = delete;
    std::string ask(const std::string& line);  // sends a line, waits for a line; "" after ten seconds
    int finish();                              // closes the input; the exit code

  private:
    int in_ = -1, out_ = -1, pid_ = -1;
};

}  // namespace r1::test
