#include "formats/parquet.h"

#include <nlohmann/json.hpp>

#include "core/check.h"
#include "formats/parquet_column.h"
#include "formats/parquet_json.h"

namespace r1 {
namespace {

using namespace parquet;
using nlohmann::json;

// Puts rows together from the columns' entries (Melnik et al., "Dremel: interactive analysis of web-scale
// datasets"). All leaves below a node stand at the beginning of its value when it is read, and behind it
// after.
class RowReader {
  public:
    RowReader(std::string_view file, const Metadata& metadata, const RowGroup& group, size_t& budget)
        : root_(metadata.root), budget_(budget) {
        columns_.reserve(metadata.leaves.size());  // they hold views into themselves
        for (const Node* leaf : metadata.leaves)
            columns_.emplace_back(file, *leaf, group.columns[leaf->column]);
    }

    json row() {
        json value = fields(root_);
        for (const ColumnReader& column : columns_)
            check(column.rep() == 0, "the column ", column.leaf().name, " has more elements than its row");
        return value;
    }
    void check_done() const {
        for (const ColumnReader& column : columns_)
            check(column.done(), "the column ", column.leaf().name, " has more values than rows");
    }

  private:
    static const Node& first_leaf(const Node& node) {
        const Node* at = &node;
        while (at->kind != Node::leaf) at = at->children.front().get();
        return *at;
    }
    ColumnReader& column(const Node& node) { return columns_[first_leaf(node).column]; }

    void skip(const Node& node) {
        if (node.kind == Node::leaf) return columns_[node.column].next();
        for (const auto& child : node.children) skip(*child);
    }

    void pay(size_t bytes) {
        check(bytes <= budget_, "its rows unpack to too many bytes");
        budget_ -= bytes;
    }

    json fields(const Node& node) {
        json object = json::object();
        for (const auto& child : node.children) object[child->name] = value(*child);
        return object;
    }

    json value(const Node& node) {
        pay(16);
        ColumnReader& at = column(node);
        check(!at.done(), "the column ", at.leaf().name, " ends before its rows");
        if (at.def() < node.def) {
            skip(node);
            return nullptr;
        }
        switch (node.kind) {
            case Node::structure:
                return fields(node);
            case Node::list:
            case Node::map:
                return elements(node, at);
            default: {
                pay(at.value().bytes.size());
                json result = to_json(node, at.value());
                at.next();
                return result;
            }
        }
    }

    json elements(const Node& node, ColumnReader& at) {
        const bool object = node.kind == Node::map && is_text(*node.children[0]);
        json result = object ? json::object() : json::array();
        if (at.def() < node.element_def) {
            skip(node);
            return result;
        }
        do {
            if (node.kind == Node::list) {
                result.push_back(value(*node.children[0]));
                continue;
            }
            json key = value(*node.children[0]), mapped = value(*node.children[1]);
            if (object) {
                result[key.is_string() ? key.get<std::string>() : ""] = std::move(mapped);
            } else {
                result.push_back({{"key", std::move(key)}, {"value", std::move(mapped)}});
            }
        } while (at.rep() >= node.element_rep);
        return result;
    }

    static bool is_text(const Node& node) {
        return node.kind == Node::leaf && node.type == Physical::bytes && node.meaning != Meaning::decimal;
    }

    const Node& root_;
    size_t& budget_;
    std::vector<ColumnReader> columns_;
};

// Names become keys.
void check_names(const Node& node) {
    try {
        (void)json(node.name).dump();
    } catch (const json::type_error&) {
        fail("the name of a column is not UTF-8");
    }
    for (const auto& child : node.children) check_names(*child);
}

}  // namespace

bool is_parquet(std::string_view file) {
    return parquet::is_parquet(file);
}

void for_each_parquet_row(std::string_view file, const std::function<void(json&)>& visit, size_t most_bytes) {
    const Metadata metadata = read_metadata(file);
    check_names(metadata.root);
    size_t budget = most_bytes;
    for (const RowGroup& group : metadata.groups) {
        RowReader reader(file, metadata, group, budget);
        for (int64_t i = 0; i < group.rows; ++i) {
            json row = reader.row();
            visit(row);
        }
        reader.check_done();
    }
}

}  // namespace r1
