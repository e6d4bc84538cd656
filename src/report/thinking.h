// Prints what a model writes, piece by piece: <think>…</think> dimmed, the answer plain.
#pragma once
#include <iosfwd>
#include <string>
#include <string_view>

namespace r1 {

class ThinkingPrinter {
  public:
    // styled: `out` is a terminal that shows styles; control characters are then left out of the text.
    // Otherwise the bytes go through as they are. `thinking`: the prompt has opened the thought already.
    ThinkingPrinter(std::ostream& out, bool styled, bool thinking = false);

    void write(std::string_view piece);  // a piece may end inside a tag or inside a character
    void finish();  // prints what was held back and ends the style; ready for the next answer

  private:
    void print(std::string_view text);

    std::ostream& out_;
    const bool styled_, starts_thinking_;
    bool thinking_;
    bool dimmed_ = false;
    std::string held_;  // what may become a tag or a character
};

}  // namespace r1
