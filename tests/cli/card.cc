/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * card.cc - a device in C++, for cpp.bats: registers with and without functions, an array, fields, an
 * option, memory, DMA, a timer. ALLOCATIONS is how often memory was allocated since it is served.
 */
#include <sys/mman.h>

#include <cstdio>
#include <cstdlib>
#include <new>

#include <muser.hpp>

static uint64_t allocations;

void *operator new(std::size_t size)
{
	allocations++;
	void *p = std::malloc(size);

	if (!p)
		throw std::bad_alloc();
	return p;
}

void operator delete(void *p) noexcept
{
	std::free(p);
}

void operator delete(void *p, std::size_t) noexcept
{
	std::free(p);
}

class Card : public muser::Device {
public:
	Card() : Device("card", 0x1234, 0x6363)
	{
		use_intx();
		use_msix(2, 2, 0, 2048);
		option("limit", "of the counter", limit_, 1u, 100u);
		option("label", "on the card", label_);
		ctrl_.field("RUN", 0, 1).field("SPEED", 4, 4);
		bells_.array(4, 8);
		status_.on_write = [this](const lm_register_io_t &) { assert_irq(1, false); };
		count_.on_write = [this](const lm_register_io_t &io) {
			last_ = io.old;
			if (io.value > limit_)
				throw std::system_error(ERANGE, std::generic_category(), "count");
			status_ = 1;
			assert_irq(1, true);
		};
		bells_.on_write = [this](const lm_register_io_t &io) {
			sum_ = sum_ + io.value * (io.element + 1);
		};
		allocated_.on_read = [](const lm_register_io_t &) { return allocations; };
		go_.on_write = [this](const lm_register_io_t &io) { dma(io.value); };
	}

private:
	void start() override
	{
		timer_.arm(std::chrono::milliseconds(1));
		allocations = 0;
	}
	void reset() override { timer_.stop(); }
	void stop() override { std::fprintf(stderr, "card: stopped\n"); }

	void dma(dma_addr_t addr)
	{
		uint32_t value;

		read(addr, &value, sizeof(value));
		publish(addr + 8, value + 1);
		const muser::Mapping<2> memory(context(), PROT_READ, addr, 16);
		sum_ = *static_cast<const uint32_t *>(memory.data());
	}

	muser::Region bar0_{*this, LM_BAR0_REG_IDX, 4096};
	muser::Region bar1_{*this, LM_BAR1_REG_IDX, 4096,
			    LM_REG_FLAG_RW | LM_REG_FLAG_MEM | LM_REG_FLAG_MMAP};
	muser::Region bar2_{*this, LM_BAR2_REG_IDX, 4096};
	/* The table is in order, whatever the order here. */
	muser::Register sum_{bar0_, 0x10, 8, "SUM", "of the bells", LM_RO};
	muser::Register ctrl_{bar0_, 0x0, 4, "CTRL", "start and stop", LM_RW, 0x20};
	muser::Register status_{bar0_, 0x4, 4, "STATUS", "write 1 to clear", LM_RW1C};
	muser::Register count_{bar0_, 0x8, 4, "COUNT"};
	muser::Register last_{bar0_, 0xc, 4, "LAST", "what COUNT was", LM_RO};
	muser::Register bells_{bar0_, 0x100, 4, "BELL", "adds to SUM", LM_WO};
	muser::Register allocated_{bar0_, 0x18, 4, "ALLOCATIONS", "so far", LM_RO};
	muser::Register go_{bar0_, 0x20, 8, "GO", "DMA from this address", LM_WO};
	muser::Register ticks_{bar0_, 0x28, 4, "TICKS", "of the timer", LM_RO};
	muser::Timer timer_{*this, [this] { ticks_ = ticks_ + 1; }};
	uint32_t limit_ = 10;
	char label_[16] = "none";
};

int main(int argc, char **argv)
{
	return Card().main(argc, argv);
}
