// The frames that LaTeX puts around an answer: \boxed{…} and \fbox{…}. All readers of answers and of data
// find them here.
#pragma once
#include <optional>
#include <string_view>
#include <vector>

namespace r1 {

struct Box {
    size_t begin, end;  // of all of \boxed{…}
    std::string_view inside;
};

// The boxes that close and are in no other one, in their order, in one pass. \{ and \} are no braces; the
// backslash of \boxed may be missing; without braces (\boxed 5) a box ends at a blank, a point or a $.
// `may_be_open`: if none closes, the first one ends with the text.
std::vector<Box> find_boxes(std::string_view text, bool may_be_open = false);

// The inside of the last of them; a box that holds another one and nothing else is that one.
std::optional<std::string_view> last_box(std::string_view text);

}  // namespace r1
