#include "data/load.h"

#include "core/check.h"
#include "data/readers.h"
#include "data/rows.h"

namespace r1 {

LoadedData load_examples(const std::filesystem::path& path, bool graded, size_t most_problems) {
    LoadedData data;
    const auto visit = [&](Row& row) {
        Example example = parse_example(row.value);
        if (graded) check_gold(example);
        data.examples.push_back(std::move(example));
        data.where.push_back(std::move(row.where));
    };
    const auto bad = [&](const std::string& problem) {
        ++data.skipped;
        if (data.problems.size() < most_problems) data.problems.push_back(problem);
    };
    data.file_kind = for_each_row(path, visit, bad);
    check(!data.examples.empty(), path.string(), ": no line can be used",
          data.problems.empty() ? "; the file is empty" : "; the first: " + data.problems.front());
    return data;
}

}  // namespace r1
