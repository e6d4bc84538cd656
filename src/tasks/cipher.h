// Ciphers over the letters of English words: decode a text whose rule is told, or shown by an example. Other
// characters stay. Exactly one key fits what is said, as far as the text needs it.
//
//   level 1   Caesar, the shift is told                 two words
//   level 2   Caesar, shown by an example               three words
//   level 3   Vigenère, the key is told                 three words
//   level 4   substitution, shown by an example         three words, of the example's letters
//   level 5   Vigenère, the key's length and an example of at least that length are given    four words
#pragma once
#include <string>

#include "tasks/task.h"

namespace r1::cipher {

// Letter i of the text is shifted by key[i mod size] - 'a' (Caesar: a key of one letter), or replaced by
// key[letter - 'a'] (substitution: a key of 26).
struct Puzzle {
    enum class Kind : uint8_t { caesar, vigenere, substitution };
    Kind kind = Kind::caesar;
    std::string key, plain;
    std::string example;  // plain text whose cipher is shown; empty where the key is told
};

std::string encode(const Puzzle& puzzle, const std::string& plain);
std::string decode(const Puzzle& puzzle, const std::string& text);

Puzzle draw(Rng& rng, int level);
std::string canonical(const Puzzle& puzzle);  // the plain text's words, whatever the cipher and their order

Family family();

}  // namespace r1::cipher
