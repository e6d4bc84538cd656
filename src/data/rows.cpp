#include "data/rows.h"

#include <algorithm>

#include "core/check.h"
#include "core/files.h"
#include "formats/compressed.h"
#include "formats/json.h"
#include "formats/parquet.h"

namespace r1 {
namespace {

using nlohmann::json;

constexpr std::string_view kBlank = " \t\r\n";
constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

class RowVisitor {
  public:
    RowVisitor(std::string file, const std::function<void(Row&)>& visit,
               const std::function<void(const std::string&)>& bad)
        : file_(std::move(file)), visit_(visit), bad_(bad) {}

    void text(std::string_view row, size_t line) const {
        const std::string where = cat(file_, ":", line);
        guarded(where, [&] {
            Row parsed{parse_json(row, "the row"), row, where};
            visit_(parsed);
        });
    }

    void value(nlohmann::json& row, size_t number) const {
        const std::string where = cat(file_, ": row ", number);
        guarded(where, [&] {
            Row parsed{std::move(row), {}, where};
            visit_(parsed);
        });
    }

  private:
    template <class Action>
    void guarded(const std::string& where, const Action& action) const {
        try {
            action();
        } catch (const Error& error) {
            bad_(cat(where, ": ", error.what()));
        }
    }

    std::string file_;
    const std::function<void(Row&)>& visit_;
    const std::function<void(const std::string&)>& bad_;
};

// The elements of an array, each parsed by itself, so that one that is malformed is named by its line.
// Strings and brackets are all that is looked at here.
void for_each_element(std::string_view text, const std::string& file, const RowVisitor& visitor) {
    size_t at = text.find('[') + 1,
           line = 1 + static_cast<size_t>(
                          std::count(text.begin(), text.begin() + static_cast<ptrdiff_t>(at), '\n'));
    size_t begin = std::string_view::npos, begin_line = 0;
    int depth = 0;
    bool in_string = false, closed = false;
    const auto finish = [&](size_t end) {
        if (begin == std::string_view::npos) return;
        visitor.text(text.substr(begin, end - begin), begin_line);
        begin = std::string_view::npos;
    };
    for (; at < text.size() && !closed; ++at) {
        const char c = text[at];
        line += c == '\n';
        if (in_string) {
            at += c == '\\';
            in_string = c != '"';
            continue;
        }
        if (depth == 0 && (c == ',' || c == ']')) {
            finish(at);
            closed = c == ']';
            continue;
        }
        if (kBlank.find(c) != std::string_view::npos) continue;
        if (begin == std::string_view::npos) begin = at, begin_line = line;
        in_string = c == '"';
        depth += c == '{' || c == '[' ? 1 : c == '}' || c == ']' ? -1 : 0;
        check(depth <= 1000, file, ": JSON nested deeper than 1000 levels");
    }
    check(closed, file, ": the JSON array does not end; is the file complete?");
    check(text.find_first_not_of(kBlank, at) == std::string_view::npos, file,
          ": something follows the JSON array");
}

const char* name_of(Compression compression) {
    return compression == Compression::gzip ? ", gzip" : compression == Compression::zstd ? ", zstd" : "";
}

}  // namespace

std::string for_each_row(const std::filesystem::path& path, const std::function<void(Row&)>& visit,
                         const std::function<void(const std::string&)>& bad) {
    const RowVisitor visitor(path.string(), visit, bad);
    Compression compression = Compression::none;
    {
        const MappedFile file(path);
        if (is_parquet(file.text())) {
            try {
                size_t number = 0;
                for_each_parquet_row(file.text(), [&](json& row) { visitor.value(row, ++number); });
            } catch (const Error& error) {
                fail(path.string(), ": not readable as Parquet: ", error.what());
            }
            return "Parquet";
        }
        compression = compression_of(file.text());
    }
    const std::string content = read_text_file(path);
    std::string_view text = content;
    if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
    const size_t first = text.find_first_not_of(kBlank);
    if (first != std::string_view::npos && text[first] == '[') {
        for_each_element(text, path.string(), visitor);
        return cat("JSON array", name_of(compression));
    }
    for_each_line(text, [&](std::string_view line, size_t number) {
        if (line.find_first_not_of(kBlank) != std::string_view::npos) visitor.text(line, number);
    });
    return cat("JSON lines", name_of(compression));
}

void for_each_line(std::string_view text, const std::function<void(std::string_view, size_t)>& visit) {
    for (size_t begin = 0, number = 1; begin < text.size(); ++number) {
        const size_t end = std::min(text.find('\n', begin), text.size());
        visit(text.substr(begin, end - begin), number);
        begin = end + 1;
    }
}

std::vector<json> read_json_rows(const std::filesystem::path& path) {
    std::vector<json> rows;
    if (!fs::exists(path)) return rows;
    for_each_line(read_file(path), [&](std::string_view line, size_t) {
        json row = json::parse(line, nullptr, false);
        if (row.is_object()) rows.push_back(std::move(row));
    });
    return rows;
}

std::string read_text_file(const std::filesystem::path& path, size_t most_bytes) {
    std::string bytes = read_file(path);
    const Compression compression = compression_of(bytes);
    if (compression == Compression::none) return bytes;
    try {
        return decompress(compression, bytes, most_bytes);
    } catch (const Error& error) {
        fail(path.string(), ": cannot be unpacked: ", error.what());
    }
}

}  // namespace r1
