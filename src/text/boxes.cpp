#include "text/boxes.h"

#include <algorithm>

namespace r1 {
namespace {

constexpr size_t npos = std::string_view::npos;

bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

// Drops the boxes that are inside another one; `boxes` are in the order of their ends.
std::vector<Box> outermost(std::vector<Box> boxes) {
    size_t from = npos;  // of the outer box that was met last, from the end
    std::reverse(boxes.begin(), boxes.end());
    std::erase_if(boxes, [&](const Box& box) {
        const bool inner = from != npos && box.begin > from;
        if (!inner) from = box.begin;
        return inner;
    });
    std::reverse(boxes.begin(), boxes.end());
    return boxes;
}

}  // namespace

std::vector<Box> find_boxes(std::string_view text, bool may_be_open) {
    std::vector<Box> boxes;
    if (text.find("boxed") == npos && text.find("fbox") == npos) return boxes;
    struct Open {
        bool box;
        size_t begin, inside;
    };
    std::vector<Open> open;
    for (size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '{') {
            open.push_back({false, i, i + 1});
        } else if (text[i] == '}') {
            if (open.empty()) continue;
            const Open last = open.back();
            open.pop_back();
            if (last.box) boxes.push_back({last.begin, i + 1, text.substr(last.inside, i - last.inside)});
        } else if (text[i] == 'b' || text[i] == 'f') {
            const size_t name = text.substr(i, 5) == "boxed" ? 5 : text.substr(i, 4) == "fbox" ? 4 : 0;
            if (name == 0) continue;
            const bool command = i > 0 && text[i - 1] == '\\';
            size_t brace = i + name;
            while (brace < text.size() && text[brace] == ' ') ++brace;
            if (brace < text.size() && text[brace] == '{') {
                open.push_back({true, command ? i - 1 : i, brace + 1});
                i = brace;
            } else if (command) {
                size_t end = brace;
                while (end < text.size() && !is_blank(text[end]) &&
                       std::string_view("$.{}").find(text[end]) == npos)
                    ++end;
                if (end > brace) boxes.push_back({i - 1, end, text.substr(brace, end - brace)});
            }
        } else if (text[i] == '\\' && i + 1 < text.size() && (text[i + 1] == '{' || text[i + 1] == '}')) {
            ++i;
        }
    }
    if (may_be_open && boxes.empty()) {
        const auto first = std::ranges::find_if(open, [](const Open& o) { return o.box; });
        if (first != open.end()) boxes.push_back({first->begin, text.size(), text.substr(first->inside)});
    }
    return outermost(std::move(boxes));
}

std::optional<std::string_view> last_box(std::string_view text) {
    const std::vector<Box> boxes = find_boxes(text);
    if (boxes.empty()) return std::nullopt;
    std::string_view inside = boxes.back().inside;
    for (int depth = 0; depth < 20; ++depth) {
        const std::vector<Box> inner = find_boxes(inside);
        if (inner.size() != 1) break;
        const std::string_view before = inside.substr(0, inner[0].begin), after = inside.substr(inner[0].end);
        if (before.find_first_not_of(" $\n") != npos || after.find_first_not_of(" $\n") != npos) break;
        inside = inner[0].inside;
    }
    return inside;
}

}  // namespace r1
