#include "cli/verbs.h"

namespace r1::cli {
namespace {

struct Config {
    std::string command;
};

std::vector<Option> options(Config& c) {
    return {{.name = "command",
             .target = &c.command,
             .help = "The command to explain",
             .value = "COMMAND",
             .positional = true}};
}

int run(const Config& c) {
    std::vector<Verb> verbs = all_verbs();
    print(c.command.empty() ? program_help(verbs) : verb_help(find_verb(verbs, c.command)));
    return 0;
}

}  // namespace

Verb help_verb() {
    return make_verb<Config>("help", "Explain a command and its flags", "", options, run);
}

}  // namespace r1::cli
