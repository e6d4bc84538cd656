#include <sys/utsname.h>

#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>

#include "cli/peak.h"
#include "cli/verbs.h"
#include "core/stream.h"

namespace r1::cli {
namespace {

struct Config {
    int threads = 0;
    bool json = false;
};

std::vector<Option> options(Config& c) {
    return {{.name = "threads",
             .target = &c.threads,
             .help = "Threads to measure with; 0 = all cores this process may use",
             .range = {0, 1024}},
            {.name = "json", .target = &c.json, .help = "Print one JSON object"}};
}

// The value of the first line "key : value" of a file of /proc, or "unknown".
std::string proc_value(const char* path, const std::string& key) {
    std::ifstream file(path);
    for (std::string line; std::getline(file, line);) {
        const size_t colon = line.find(':');
        if (!line.starts_with(key) || colon == std::string::npos) continue;
        const size_t begin = line.find_first_not_of(" \t", colon + 1);
        return begin == std::string::npos ? "unknown" : line.substr(begin);
    }
    return "unknown";
}

double gibibytes(const std::string& kibibytes) {
    return std::atof(kibibytes.c_str()) / (1024.0 * 1024.0);
}

std::string fixed(double value) {
    char text[64];
    std::snprintf(text, sizeof text, "%.1f", value);
    return text;
}

int run(const Config& c) {
    Runtime runtime(c.threads);
    Stream& stream = runtime.stream();
    const Peak peak = measure_peak(stream);

    std::string isas;
    for (const Isa isa : {Isa::portable, Isa::avx2, Isa::avx512}) {
        if (isa_supported(isa)) isas += (isas.empty() ? "" : ", ") + std::string(name_of(isa));
    }
    utsname system{};
    ::uname(&system);
    const std::string processor = proc_value("/proc/cpuinfo", "model name");
    const double memory = gibibytes(proc_value("/proc/meminfo", "MemTotal"));
    const double available = gibibytes(proc_value("/proc/meminfo", "MemAvailable"));

    if (c.json) {
        const nlohmann::ordered_json out = {
            {"version", R1_VERSION},
            {"processor", processor},
            {"instruction_sets", isas},
            {"isa", name_of(stream.isa)},
            {"threads", stream.pool->size()},
            {"memory_gib", memory},
            {"available_gib", available},
            {"gflops", peak.gflops},
            {"gbytes_per_s", peak.gbytes_per_s},
            {"build", R1_BUILD},
            {"backends", kCuda ? nlohmann::ordered_json{"cpu", "cuda"} : nlohmann::ordered_json{"cpu"}},
            {"gpu", describe_cuda()},
            {"system", cat(system.sysname, " ", system.release, " ", system.machine)},
        };
        print(out.dump() + "\n");
        return 0;
    }
    print(cat("r1 ", R1_VERSION, '\n',  //
              "processor         ", processor, '\n', "instruction sets  ", isas,
              "; in use: ", name_of(stream.isa), '\n', "threads           ", stream.pool->size(), '\n',  //
              "memory            ", fixed(memory), " GiB, ", fixed(available), " GiB available\n",
              "peak              ", fixed(peak.gflops), " GFLOP/s f32, ", fixed(peak.gbytes_per_s),
              " GB/s read\n", "build             ", R1_BUILD, '\n',  //
              "backends          cpu", kCuda ? ", cuda" : "", "\n", "gpu               ", describe_cuda(),
              '\n',  //
              "system            ", system.sysname, ' ', system.release, ' ', system.machine, '\n'));
    return 0;
}

}  // namespace

Verb doctor_verb() {
    return make_verb<Config>(
        "doctor", "What this machine and this build can do",
        "The peak is measured in a fraction of a second: fused multiply-adds in registers, and reads of a "
        "256 MiB block, on all threads. The environment variable R1_ISA lowers the instruction set.",
        options, run);
}

}  // namespace r1::cli
