// The statements of a text about which option is right: each standing letter, with what the words around it
// make of it.
#pragma once
#include <cstdint>
#include <vector>

#include "reward/answer_text.h"

namespace r1 {

enum class Strength : uint8_t {
    final,   // "final answer: C"
    colon,   // "answer: C"
    is,      // "the answer is C"
    chosen,  // "C is correct", "I choose C"
    weak,    // "it must be C", "therefore C"
    none,
};

struct Statement {
    Strength strength = Strength::none;
    size_t at = 0;  // token
    int letter = 0;
    bool several = false;  // "C or D"
};

class StatementReader {
  public:
    StatementReader(const std::vector<AnswerToken>& tokens, uint32_t letters,
                    const std::vector<std::vector<std::string>>& texts, bool explicit_answer)
        : tokens_(tokens), letters_(letters), texts_(texts), explicit_(explicit_answer) {}

    // All statements in their order, and letters that are only mentioned ("option C", "(C)").
    void read(std::vector<Statement>& statements, std::vector<Statement>& mentions) const;

    // What a line that begins with token `begin` says: a letter alone ("C", "(C)", "so C."), or a letter with
    // text behind it ("C. since …"). Strength::none if it names none.
    enum class Line : uint8_t { alone, labelled, none };
    Line read_line(size_t begin, Statement& statement) const;

    // Is one of the words that take a statement back (or, unless `corrections_only`, conclude) in between?
    bool turns_between(size_t begin, size_t end, bool corrections_only) const;

  private:
    struct Cue {
        Strength strength = Strength::none;
        bool denied = false, names_option = false;
    };
    struct Tail {
        bool clean = false, denied = false, chosen = false;
    };
    int option_at(size_t at) const;  // the letter, or -1
    bool bracketed(size_t at) const;
    size_t before(size_t at) const;  // the first token of "(C)"
    size_t behind(size_t at) const;  // the token after it
    Cue cue_before(size_t at) const;
    Cue script_cue(std::string_view run, bool colon) const;
    Tail tail_after(size_t at, bool leading) const;
    bool has_text_of(int letter, size_t begin) const;
    bool opened(size_t at) const;
    bool listed_before(size_t at) const;
    bool listed_after(size_t at) const;
    bool asked(size_t at) const;
    bool supposed(size_t at) const;
    bool is_sign(size_t at, std::string_view signs) const;
    std::string_view word(size_t at) const;  // "a" and "I" are words, too; "" for what is none

    const std::vector<AnswerToken>& tokens_;
    uint32_t letters_;
    const std::vector<std::vector<std::string>>& texts_;
    bool explicit_;
};

}  // namespace r1
