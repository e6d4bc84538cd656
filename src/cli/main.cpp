#include <csignal>
#include <cstdio>
#include <exception>
#include <new>

#include "cli/verbs.h"

namespace r1::cli {
namespace {

int run(const std::vector<std::string>& arguments) {
    std::vector<Verb> verbs = all_verbs();
    const std::string first = arguments.empty() ? "" : arguments[0];
    if (first == "--version" || first == "-V") {
        print("r1 " R1_VERSION "\n");
        return 0;
    }
    if (first.empty() || first == "--help" || first == "-h") {
        print(program_help(verbs));
        return 0;
    }
    return run_verb(find_verb(verbs, first), {arguments.begin() + 1, arguments.end()});
}

// An error is one line.
int report(const char* text, int code) {
    std::string line(text);
    for (char& c : line) {
        if (c == '\n') c = ' ';
    }
    std::fprintf(stderr, "r1: %s\n", line.c_str());
    return code;
}

}  // namespace
}  // namespace r1::cli

int main(int argc, char** argv) {
    using namespace r1;
    std::signal(SIGPIPE, SIG_IGN);  // a reader that goes away is seen by write()
    try {
        return cli::run({argv + 1, argv + argc});
    } catch (const cli::BrokenPipe&) {
        return 128 + SIGPIPE;
    } catch (const UsageError& error) {
        return cli::report(error.what(), 2);
    } catch (const std::bad_alloc&) {
        return cli::report("out of memory; use a smaller model, batch or completion length", 1);
    } catch (const std::exception& error) {
        return cli::report(error.what(), 1);
    }
}
