// What a verifier says of a completion.
#pragma once
#include <cstdint>
#include <string>

namespace r1 {

// Counted apart: a run in which many answers do not parse has another problem than one in which they are
// wrong.
enum class Outcome : uint8_t {
    correct,
    wrong,
    unparsed,  // there is no answer, or it cannot be read
    timeout,   // the verifier's budget of steps or time ran out
    error,     // the verifier or the data failed; the completion is not to blame
};
const char* name_of(Outcome outcome);

struct Verdict {
    double score = 0;
    Outcome outcome = Outcome::wrong;
    std::string reason;
};

}  // namespace r1
