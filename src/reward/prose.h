// The words of a text without what is no prose.
#pragma once
#include <string>
#include <string_view>

namespace r1 {

// `text` (valid UTF-8) without maths ($…$, $$…$$, \(…\), \[…\], \begin{…}…\end{…}; the insides of \text{}
// stay), code (between ``` or `), tags, LaTeX commands and URLs; a space is left for each. Where ``` is not
// closed all that follows is code. Linear time.
std::string prose_of(std::string_view text);

}  // namespace r1
