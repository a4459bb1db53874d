/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * card.cc - a device in C++, for cpp.bats: registers with and without functions, an array, fields,
 * options, memory, DMA, a timer, a poller, a saved state. ALLOCATIONS is how often memory was allocated since it
 * is served.
 */
#include <sys/mman.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <new>
#include <vector>

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
		option("file", "of its state", file_).flags(LM_PROP_CREATE);
		option("color", "of the card", color_, colors).changed<&Card::recolored>();
		option("model", "its subsystem id", model_, 0u, 0xffffu).flags(LM_PROP_CREATE);
		option("starts", "so far", starts_).flags(LM_PROP_RO);
		saved(starts_);
		once_.on_write = [this](const lm_register_io_t &) { once_ = 0; };
		events_.on_write = [this](const lm_register_io_t &io) {
			if (io.value & 0x80)
				events_ |= 4;
		};
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
	enum class Color : uint32_t { black, white };
	static constexpr const char *colors[] = { "black", "white", nullptr };

	void configure(lm_dev_info_t &info) override
	{
		if (model_ == 13)
			throw std::system_error(EDOM, std::generic_category(), "model");
		info.pci_info.ss.sid = static_cast<uint16_t>(model_);
	}
	void start() override
	{
		take_state();
		starts_ = starts_ + 1;
		timer_.arm(std::chrono::milliseconds(1));
		poller_.set(LM_POLL_TURNS);
		allocations = 0;
	}
	void reset() override { timer_.stop(); }
	void stop() override
	{
		std::vector<char> state(65536);
		size_t size = state.size();

		std::fprintf(stderr, "card: stopped\n");
		if (file_[0] && !lm_ctx_save(context(), state.data(), &size))
			std::ofstream(file_).write(state.data(), static_cast<std::streamsize>(size));
	}
	void take_state()
	{
		std::ifstream in(file_);
		const std::vector<char> state((std::istreambuf_iterator<char>(in)),
					      std::istreambuf_iterator<char>());

		if (!state.empty())
			muser::check(lm_ctx_load(context(), state.data(), state.size()), "state");
	}
	void loaded() override { loaded_ = 1; }
	void recolored() { paint_ = static_cast<uint64_t>(color_) + 0x10; }

	void dma(dma_addr_t addr)
	{
		uint32_t value;

		read(addr, &value, sizeof(value));
		publish(addr + 8, load<uint32_t>(addr) + value);
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
	muser::Register once_{bar0_, 0x2c, 4, "ONCE", "clears itself"};
	muser::Register events_{bar0_, 0x30, 4, "EVENTS", "write 1 to clear", LM_RW1C, 3};
	muser::Register loaded_{bar0_, 0x34, 4, "LOADED", "a state was", LM_RO};
	muser::Register paint_{bar0_, 0x38, 4, "PAINT", "color, once it has changed", LM_RO};
	muser::Timer timer_{*this, [this] { ticks_ = ticks_ + 1; }};
	muser::Register looks_{bar0_, 0x3c, 4, "LOOKS", "of the poller", LM_RO};
	muser::Poller poller_{*this, [this] {
		looks_ = looks_ + 1;
		return 0u;
	}};
	uint32_t limit_ = 10;
	uint32_t model_ = 7;
	char label_[16] = "none";
	char file_[256] = "";
	Color color_ = Color::white;
	uint32_t starts_ = 0;
};

static bool is_refused(uint32_t index)
{
	class Wrong : public muser::Device {
	public:
		explicit Wrong(uint32_t index) : Device("wrong", 1, 1), bar{*this, index, 4096} {}
		muser::Region first{*this, LM_BAR0_REG_IDX, 4096}, bar;
	};

	try {
		Wrong wrong(index);
		return false;
	} catch (const std::system_error &) {
		return true;
	}
}

int main(int argc, char **argv)
{
	if (!is_refused(LM_DEV_NUM_REGS) || !is_refused(LM_BAR0_REG_IDX) || is_refused(1))
		return 3;
	return Card().main(argc, argv);
}
