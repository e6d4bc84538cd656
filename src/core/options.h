// One table describes every setting of a command: its key in a TOML file, its flag, its help, its type and
// its limits. Parsing, help, shell completion and the resolved file that a run keeps all come from the same
// table:
//
//   struct Config { float learning_rate = 1e-6f; std::string loss_type = "grpo"; };
//   std::vector<Option> options(Config& c) {
//       return {{.name = "rl.learning_rate", .target = &c.learning_rate, .help = "Peak step size", .range =
//       {0, 1}},
//               {.name = "rl.loss_type", .target = &c.loss_type, .help = "Policy loss", .choices = {"grpo",
//               "dapo"}}};
//   }
//
// A key is dotted: "rl.learning_rate" is `learning_rate` of [rl] in TOML and the flag --rl.learning_rate. The
// last part alone ("learning_rate") is enough where no other key ends with it. In flags '-' and '_' are the
// same. Later sources win: the struct's own defaults, a preset, TOML, flags.
#pragma once
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/check.h"

namespace r1 {

// A command line that cannot be understood. The program ends with exit code 2 instead of 1.
class UsageError : public Error {
  public:
    using Error::Error;
};

// Where a value goes. An optional is unset by "none"; a list takes commas in a flag ("a,b"), or the flag many
// times.
using OptionTarget =
    std::variant<bool*, int*, int64_t*, uint64_t*, float*, double*, std::string*, std::optional<int>*,
                 std::optional<int64_t>*, std::optional<float>*, std::optional<std::string>*,
                 std::vector<std::string>*, std::vector<int>*, std::vector<float>*>;

// Limits of a number, both included unless `open` (then min itself is not allowed). NaN and infinity never
// are.
struct Range {
    double min = -std::numeric_limits<double>::infinity();
    double max = std::numeric_limits<double>::infinity();
    bool open = false;
};

struct Option {
    std::string name;                       // "rl.learning_rate", or "steps"
    OptionTarget target;                    // outlives the table
    std::string help = {};                  // one line, no full stop
    Range range = {};                       // for numbers, and each number of a list
    std::vector<std::string> choices = {};  // for strings, and each string of a list; empty = any
    std::vector<std::string> aliases = {};  // further names, accepted in TOML and as flags
    std::string value =
        {};  // its name in help: "FILE", "DIR" (both complete file names), "N"; a default by type
    bool tables = false;      // a list of strings, each a JSON object: [[name]] in TOML, JSON in a flag
    bool flag_only = false;   // no part of a configuration: neither read from TOML nor written to it
    bool positional = false;  // also taken from the bare arguments, in the table's order
    bool required = false;    // a command line without it is an error
};

// The option of that name, alias or unique last part; null if there is none.
const Option* find_option(const std::vector<Option>& options, std::string_view key);

// Sets an option from text: one text, or one for each element of a list. `shown` is how the setting is named
// in errors: "--steps". Throws Error on a value of the wrong type, out of range or not among the choices.
void set_option(const Option& option, const std::vector<std::string>& texts, const std::string& shown);

// A flag or bare argument of a command line, understood but not yet applied.
struct Argument {
    const Option* option;  // into the table given to parse_arguments
    std::vector<std::string> texts;
    std::string shown;  // "--steps"
};
// Accepts --name value, --name=value, --name and --no-name for a bool, bare arguments for positional options,
// and -- (only bare arguments follow). Throws UsageError, naming the nearest known flag.
std::vector<Argument> parse_arguments(const std::vector<Option>& options,
                                      const std::vector<std::string>& arguments);
// Sets the options in order; a list flag given again appends. Throws UsageError. Required options are checked
// here.
void apply_arguments(const std::vector<Option>& options, const std::vector<Argument>& arguments);

// Sets options from a TOML text; `source` (a path) and the line are named in errors. Throws Error on an
// unknown key (naming the nearest), a key given twice, a wrong type or range, or text that is not TOML.
void apply_toml(const std::vector<Option>& options, std::string_view text, const std::string& source);
// Every key with its present value (an unset optional as a comment): tables in order of appearance, the same
// bytes for the same values. apply_toml of the result gives the same values.
std::string to_toml(const std::vector<Option>& options);

// Present value as TOML writes it, "" for an unset optional.
std::string value_text(const Option& option);
// "N", "X", "TEXT", …: option.value, or its type's default; "" for a bool.
std::string value_name(const Option& option);
bool is_flag(const Option& option);  // a bool: needs no value
bool is_list(const Option& option);
enum class OptionType : uint8_t {
    boolean,
    integer,
    number,
    string
};  // of the value, or of a list's elements
OptionType type_of(const Option& option);

// The word nearest to `word` by edits (insert, delete, change, swap neighbours), or "" if none is near.
std::string nearest(std::string_view word, const std::vector<std::string>& words);
// "; did you mean 'steps'?" or "".
std::string did_you_mean(std::string_view word, const std::vector<std::string>& words);
// Every name, alias and last part, for nearest().
std::vector<std::string> known_names(const std::vector<Option>& options);

}  // namespace r1
