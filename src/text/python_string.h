// Methods of Python's str, over valid UTF-8. Positions and widths count code points.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace r1::python {

bool is_space(char32_t code_point);  // str.isspace
std::string repr(std::string_view text);
std::string upper(std::string_view text);
std::string lower(std::string_view text);
std::string capitalize(std::string_view text);
std::string title(std::string_view text);
std::string swapcase(std::string_view text);

enum class Side { left, right, both };
// Without `characters`: white space.
std::string strip(std::string_view text, Side side,
                  std::optional<std::string_view> characters = std::nullopt);
std::vector<std::string> split(std::string_view text, std::optional<std::string_view> separator,
                               int64_t max_splits, bool from_right);
std::vector<std::string> split_lines(std::string_view text, bool keep_ends = false);
std::string replace(std::string_view text, std::string_view from, std::string_view to, int64_t count);
int64_t find(std::string_view text, std::string_view part, bool last);  // index of a code point, or -1
int64_t count(std::string_view text, std::string_view part);
std::string pad(std::string_view text, int64_t width, Side side,
                std::string_view fill);  // the side where the text goes

// isdigit, isalpha, isalnum, isspace, isupper, islower, isnumeric, isdecimal; nothing for another name.
std::optional<bool> classify(std::string_view text, std::string_view method);

// text[start:stop:step]; absent bounds are Python's.
std::string slice(std::string_view text, std::optional<int64_t> start, std::optional<int64_t> stop,
                  int64_t step);
// The indices that a slice of a sequence of `size` items takes.
std::vector<size_t> slice_indices(size_t size, std::optional<int64_t> start, std::optional<int64_t> stop,
                                  int64_t step);

}  // namespace r1::python
