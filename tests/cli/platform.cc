/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * platform.cc - the timer of platform.c in C++, with what it needs of muser.hpp.
 */
#include <muser.hpp>

class Clock : public muser::Device {
public:
	Clock() : Device("test-clock")
	{
		expired = use_irq("expired");
		queue = use_irq("queue", LM_IRQ_FLAG_MASKABLE, 4);
		load.on_write = [this](const lm_register_io_t &io) {
			assert_irq(expired, !io.value);
			raise(queue + 3);
		};
	}

private:
	uint32_t expired, queue;
	muser::Region ctrl{*this, 0, 16, LM_REG_FLAG_RW, "ctrl"};
	muser::Region ram{*this, 1, 4096, LM_REG_FLAG_RW};
	muser::Register load{ctrl, 0x0, 4, "LOAD", "ticks", LM_RW, 100};
};

int main(int argc, char **argv)
{
	return Clock().main(argc, argv);
}
