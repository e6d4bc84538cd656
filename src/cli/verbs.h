// The commands of the program. To add `r1 sing`:
//
//   1. src/cli/verb_sing.cpp
//          namespace r1::cli {
//          namespace {
//          struct Config { std::string song; int times = 1; };
//          std::vector<Option> options(Config& c) {                 // core/options.h
//              return {{.name = "song", .target = &c.song, .help = "What to sing", .required = true},
//                      {.name = "times", .target = &c.times, .help = "How often", .range = {1, 100}}};
//          }
//          int run(const Config& c) { …call one library, print(…), return 0; }
//          }
//          Verb sing_verb() { return make_verb<Config>("sing", "Sing a song", "More text for `r1 help
//          sing`.", options, run); }
//          }
//   2. its declaration below, and its line in all_verbs() of verbs.cpp.
//
// Flags, help, completion, errors and exit codes follow from the table. A run verb also sets
//   .quick       its preset: the verb then has --quick
//   .configured  the verb then has --config FILE (TOML); and if its table has "resume", --resume DIR first
//   loads
//                DIR/config.toml. Order: defaults, --quick (not when resuming), DIR/config.toml, --config,
//                flags.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/options.h"

namespace r1::cli {

struct Verb {
    std::string name;
    std::string summary;            // one line
    std::string details;            // paragraphs for `r1 help NAME`; may be empty
    std::vector<Option> options;    // point into the verb's own configuration
    std::function<int()> run;       // with the options set; returns the exit code
    std::function<void()> quick{};  // a preset over the defaults; may be empty
    bool configured = false;
    // Looks at the settings and may put other defaults in their place; true: they are then applied again over
    // those.
    std::function<bool()> rebase{};
    std::string alias{};  // a second name; may be empty
};

// The verb owns a Config, which its options point into.
template <class Config>
Verb make_verb(std::string name, std::string summary, std::string details,
               std::vector<Option> (*options)(Config&), int (*run)(const Config&),
               void (*quick)(Config&) = nullptr, bool configured = false, bool (*rebase)(Config&) = nullptr) {
    auto config = std::make_shared<Config>();
    Verb verb{std::move(name), std::move(summary), std::move(details), options(*config),
              [config, run] { return run(*config); }};
    if (quick) verb.quick = [config, quick] { quick(*config); };
    verb.configured = configured;
    if (rebase) verb.rebase = [config, rebase] { return rebase(*config); };
    return verb;
}

Verb bench_verb();
Verb chat_verb();
Verb check_verb();
Verb completion_verb();
Verb convert_verb();
Verb data_verb();
Verb doctor_verb();
Verb generate_verb();
Verb grade_verb();
Verb help_verb();
Verb logprobs_verb();
Verb pretrain_verb();
Verb report_verb();
Verb tokenize_verb();
Verb zero_verb();

std::vector<Verb> all_verbs();  // in the order of `r1 help`
// The verb of that name; throws UsageError naming the nearest.
Verb& find_verb(std::vector<Verb>& verbs, const std::string& name);
// What this verb takes: its own options, then those that every verb of its kind has (--config, --quick,
// --help). `common` receives their values.
struct CommonFlags {
    std::string config;
    bool quick = false, help = false;
};
std::vector<Option> all_options(const Verb& verb, CommonFlags& common);

std::string program_help(const std::vector<Verb>& verbs);
std::string verb_help(const Verb& verb);

// Runs the verb with the arguments that follow its name; returns the exit code.
int run_verb(Verb& verb, const std::vector<std::string>& arguments);

// Writes to standard output at once. Throws BrokenPipe if the reader has gone, Error if the disk is full.
struct BrokenPipe {};
void print(std::string_view text);

}  // namespace r1::cli
