#include "text/regex.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "core/check.h"
#include "text/unicode.h"

namespace r1 {
namespace {

constexpr uint32_t match_limit = 10'000'000;  // steps of one match
constexpr uint32_t heap_limit_kib = 64 * 1024;

template <auto free>
struct Free {
    template <class T>
    void operator()(T* pointer) const {
        free(pointer);
    }
};
using MatchData = std::unique_ptr<pcre2_match_data, Free<pcre2_match_data_free>>;
using MatchContext = std::unique_ptr<pcre2_match_context, Free<pcre2_match_context_free>>;

std::string message_of(int error) {
    PCRE2_UCHAR buffer[256];
    pcre2_get_error_message(error, buffer, sizeof buffer);
    return reinterpret_cast<const char*>(buffer);
}

// The start of the character after `position`.
size_t next_start(std::string_view text, size_t position) {
    do ++position;
    while (position < text.size() && (text[position] & 0xC0) == 0x80);
    return position;
}

}  // namespace

struct Regex::Code {
    std::unique_ptr<pcre2_code, Free<pcre2_code_free>> code;
    MatchContext context;
};

Regex::Regex(std::string_view pattern) : pattern_(pattern) {
    check(pattern.size() <= 1 << 16, "a regex of ", pattern.size(),
          " bytes is longer than the 65536 allowed");
    std::string translated = translate_regex(pattern);
    std::unique_ptr<pcre2_compile_context, Free<pcre2_compile_context_free>> compile(
        pcre2_compile_context_create(nullptr));
    pcre2_set_newline(compile.get(), PCRE2_NEWLINE_LF);
    int error = 0;
    PCRE2_SIZE offset = 0;
    auto code = std::make_shared<Code>();
    code->code.reset(pcre2_compile(reinterpret_cast<PCRE2_SPTR>(translated.data()), translated.size(),
                                   PCRE2_UTF | PCRE2_UCP | PCRE2_MULTILINE | PCRE2_NEVER_BACKSLASH_C, &error,
                                   &offset, compile.get()));
    check(code->code != nullptr, "cannot compile the regex '", pattern, "': ", message_of(error));
    pcre2_jit_compile(code->code.get(), PCRE2_JIT_COMPLETE);  // without the JIT the interpreter runs
    code->context.reset(pcre2_match_context_create(nullptr));
    pcre2_set_match_limit(code->context.get(), match_limit);
    pcre2_set_heap_limit(code->context.get(), heap_limit_kib);
    code_ = std::move(code);
}

Regex Regex::literal(std::string_view text) {
    std::string escaped;
    for (char c : text) {
        if (std::string_view("\\^$.|?*+()[]{}").find(c) != std::string_view::npos) escaped += '\\';
        escaped += c;
    }
    return Regex(escaped);
}

std::vector<Span> Regex::spans(std::string_view text) const {
    thread_local MatchData match(pcre2_match_data_create(1, nullptr));
    std::string replaced;
    std::string_view subject = replace_recent_code_points(text, replaced) ? std::string_view(replaced) : text;

    std::vector<Span> out;
    size_t covered = 0;  // the end of the last span
    bool any = false;    // an empty match right behind the last match does not count
    for (size_t start = 0; start <= subject.size();) {
        auto data = reinterpret_cast<PCRE2_SPTR>(subject.data());
        uint32_t options = PCRE2_NO_UTF_CHECK;
        int rc = pcre2_match(code_->code.get(), data, subject.size(), start, options, match.get(),
                             code_->context.get());
        if (rc == PCRE2_ERROR_JIT_STACKLIMIT)  // the interpreter's stack is on the heap
            rc = pcre2_match(code_->code.get(), data, subject.size(), start, options | PCRE2_NO_JIT,
                             match.get(), code_->context.get());
        if (rc == PCRE2_ERROR_NOMATCH) break;
        check(rc >= 0, "matching the regex '", pattern_, "' failed: ", message_of(rc));
        const PCRE2_SIZE* bounds = pcre2_get_ovector_pointer(match.get());
        size_t begin = bounds[0], end = bounds[1];
        check(begin >= covered && begin <= end, "the regex '", pattern_,
              "' moves the start of its match (\\K)");
        start = end > begin ? end : next_start(subject, end);
        if (begin == end && any && begin == covered) continue;
        if (covered != begin) out.push_back({covered, begin, false});
        out.push_back({begin, end, true});
        covered = end;
        any = true;
    }
    if (covered != text.size()) out.push_back({covered, text.size(), false});
    return out;
}

}  // namespace r1
