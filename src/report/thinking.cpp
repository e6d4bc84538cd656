#include "report/thinking.h"

#include <algorithm>
#include <ostream>

#include "report/terminal_text.h"

namespace r1 {
namespace {

constexpr std::string_view open_tag = "<think>", close_tag = "</think>";

// How many bytes at the end of `text` could be the beginning of `tag`.
size_t tag_prefix(std::string_view text, std::string_view tag) {
    for (size_t size = std::min(text.size(), tag.size() - 1); size > 0; --size) {
        if (text.ends_with(tag.substr(0, size))) return size;
    }
    return 0;
}

// How many bytes at the end of `text` begin a UTF-8 character that is not complete.
size_t partial_character(std::string_view text) {
    for (size_t size = 1; size <= std::min<size_t>(3, text.size()); ++size) {
        const auto byte = static_cast<unsigned char>(text[text.size() - size]);
        if ((byte & 0xC0) == 0x80) continue;
        const size_t need = byte >= 0xF0 ? 4 : byte >= 0xE0 ? 3 : byte >= 0xC0 ? 2 : 1;
        return need > size ? size : 0;
    }
    return 0;
}

}  // namespace

ThinkingPrinter::ThinkingPrinter(std::ostream& out, bool styled, bool thinking)
    : out_(out), styled_(styled), starts_thinking_(thinking), thinking_(thinking) {}

void ThinkingPrinter::write(std::string_view piece) {
    held_ += piece;
    for (;;) {
        const std::string_view tag = thinking_ ? close_tag : open_tag;
        const size_t at = held_.find(tag);
        if (at == std::string::npos) break;
        const size_t end = thinking_ ? at + tag.size() : at;  // both tags belong to the thought
        print(std::string_view(held_).substr(0, end));
        thinking_ = !thinking_;
        if (thinking_) print(tag);
        held_.erase(0, at + tag.size());
    }
    const size_t keep =
        std::max(tag_prefix(held_, thinking_ ? close_tag : open_tag), partial_character(held_));
    print(std::string_view(held_).substr(0, held_.size() - keep));
    held_.erase(0, held_.size() - keep);
    out_.flush();
}

void ThinkingPrinter::finish() {
    print(held_);
    held_.clear();
    if (dimmed_) out_ << style_end;
    dimmed_ = false;
    thinking_ = starts_thinking_;
    out_.flush();
}

void ThinkingPrinter::print(std::string_view text) {
    if (text.empty()) return;
    if (!styled_) {
        out_ << text;
        return;
    }
    if (dimmed_ != thinking_) out_ << (thinking_ ? style_begin(Style::dim) : style_end);
    dimmed_ = thinking_;
    out_ << printable(text);
}

}  // namespace r1
