// UTF-8, and the Unicode facts that tokenising needs.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace r1 {

inline constexpr char32_t replacement_character = 0xFFFD;

// The code point at text[position], which moves behind it. `text` is valid UTF-8 and position < text.size().
char32_t next_code_point(std::string_view text, size_t& position);
void append_utf8(std::string& out, char32_t code_point);
size_t count_code_points(std::string_view text);  // of valid UTF-8

bool is_valid_utf8(std::string_view text);
// Every maximal ill-formed part becomes one U+FFFD, as Python's errors="replace" and Rust's from_utf8_lossy
// do it.
std::string to_valid_utf8(std::string_view bytes);

// Turns a stream of bytes (a token may end within a character) into whole characters. What can never become
// valid is replaced as in to_valid_utf8, so the concatenation of all pieces equals to_valid_utf8 of all
// bytes.
class Utf8Stream {
  public:
    std::string push(std::string_view bytes);  // the characters that are complete by now
    std::string finish();                      // what was left incomplete: U+FFFD or nothing

  private:
    std::string pending_;
};

// White_Space of Unicode, which is what \s means to `tokenizers`.
bool is_space(char32_t code_point);
// Nd, Nl or No, as Rust's char::is_numeric.
bool is_numeric(char32_t code_point);

// PCRE2 knows an older Unicode than `tokenizers`: replaces each code point that it does not know by one of
// the same category and length in UTF-8, so that matches and offsets are those of the newer Unicode. Returns
// false, and leaves `out` alone, where there is none.
bool replace_recent_code_points(std::string_view text, std::string& out);

enum class NormalForm { nfc, nfd, nfkc, nfkd };
// Equals the normalisers of `tokenizers`, which know an older Unicode than utf8proc. O(n log n).
std::string normalize(std::string_view text, NormalForm form);
std::string lowercase(std::string_view text);  // one code point at a time, as Rust's char::to_lowercase

// Tables of unicode_tables.cpp.
struct RecentRange {
    char32_t first, last, stand_in;
};
struct CodePointRange {
    char32_t first, last;
};
struct LowercaseRange {
    char32_t first, last;
    int32_t distance;  // to the lower case
};
extern const RecentRange recent_ranges[];
extern const size_t recent_range_count;
extern const CodePointRange unnormalized_ranges[];  // left alone by `tokenizers`' normalisers
extern const size_t unnormalized_range_count;
extern const LowercaseRange lowercase_ranges[];  // newer than utf8proc
extern const size_t lowercase_range_count;

}  // namespace r1
