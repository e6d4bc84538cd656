// Unified diffs of one file, applied strictly.
#pragma once
#include <string>
#include <string_view>

namespace r1 {

// Is there a line that begins a hunk, "@@ "?
bool looks_like_patch(std::string_view text);

// `source` after the hunks of `patch`. What stands before the first hunk is passed over. Every line that a
// hunk keeps or removes has to be in the source as it is; the counts of a hunk's header have to be true.
// Where its line numbers are wrong, a hunk may fit in one other place after the hunk before it, and only in
// one. Throws Error with the reason.
std::string apply_patch(std::string_view source, std::string_view patch);

}  // namespace r1
