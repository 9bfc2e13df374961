#include "simt/fail.hpp"

#include <fmt/format.h>

#include <cstdio>
#include <cstdlib>

#include "simt/block.hpp"

namespace crossdock::emulator {

void fail(std::string_view what) {
  std::string where;
  if (const Block* block = Block::current()) {
    where = fmt::format("block {}, thread {}: ", block->index().x, block->thread());
  }
  fmt::print(stderr, "emulated GPU: {}{}\n", where, what);
  std::fflush(stderr);
  std::abort();
}

}  // namespace crossdock::emulator
