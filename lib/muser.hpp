/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * muser.hpp - libmuser for C++17: a device is a class, its registers, regions, options, timers and
 * pollers are members.
 *
 *	class Ticker : public muser::Device {
 *	public:
 *		Ticker() : Device("ticker", 0x1234, 0x7469) { use_intx(); }
 *	private:
 *		muser::Region bar0{*this, LM_BAR0_REG_IDX, 16, LM_REG_FLAG_RW};
 *		muser::Register ctrl{bar0, 0x0, 4, "CTRL", "start and stop"};
 *		...
 *	};
 *	int main(int argc, char **argv) { return Ticker().main(argc, argv); }
 *
 * Header-only, over <muser.h>, which says what is not said here. All is allocated before the device
 * is served, and nothing while it is. What fails before throws std::system_error, and so may
 * start(): the device is not made then. An exception from another callback is logged. Objects
 * belong to their device and are neither copied nor moved; all but what <muser.h> lets any thread
 * call is for the thread that serves it. lm_ctx_save() has the values of registers, and what saved()
 * names; they are members of an object, so that no such device is LM_DEV_RESTARTABLE.
 */
#ifndef MUSER_HPP
#define MUSER_HPP

#include <muser.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <functional>
#include <limits>
#include <string>
#include <system_error>
#include <type_traits>
#include <vector>

namespace muser {

/* A negative errno becomes an exception. */
inline int check(int ret, const char *what)
{
	if (ret < 0)
		throw std::system_error(-ret, std::generic_category(), what);
	return ret;
}

class Unique {
public:
	Unique() = default;
	Unique(const Unique &) = delete;
	Unique &operator=(const Unique &) = delete;
};

class Device;
class Register;

/* ---- regions and registers -------------------------------------------------------- */

/* A BAR or another region, by its index (LM_*_REG_IDX; without PCI from 0 on), which no other one
 * has. With registers it is served by them, else it is memory. A name is for those that PCI does
 * not name. */
class Region : Unique {
public:
	inline Region(Device &device, uint32_t index, uint64_t size,
		      uint32_t flags = LM_REG_FLAG_RW | LM_REG_FLAG_MEM,
		      const char *name = nullptr);
	/* Of memory: where it is; valid while the device is served. */
	inline void *memory(uint64_t offset, size_t length) const;
	uint32_t index() const { return index_; }

private:
	friend class Device;
	friend class Register;

	inline void build(lm_reg_info_t &info);
	static inline uint64_t read(void *pvt, const lm_register_io_t *io);
	static inline void write(void *pvt, const lm_register_io_t *io);

	Device &device_;
	uint32_t index_;
	std::vector<Register *> registers_; /* in order of their offsets: as in the table */
	std::vector<lm_register_t> table_;
	lm_register_map_t map_ = {};
};

/* What a register keeps, and how often the device has changed it. */
class Value {
public:
	explicit Value(uint64_t value) : value_(value) {}
	Value(const Value &) = default;
	operator uint64_t() const { return value_; }
	Value &operator=(uint64_t value)
	{
		value_ = value;
		changes_++;
		return *this;
	}
	Value &operator=(const Value &other) { return *this = other.value_; }
	Value &operator|=(uint64_t bits) { return *this = value_ | bits; }
	Value &operator&=(uint64_t bits) { return *this = value_ & bits; }
	Value &operator+=(uint64_t n) { return *this = value_ + n; }

private:
	friend class Register;

	uint64_t value_;
	uint32_t changes_ = 0;
};

/* A register, or an array of @count. It keeps its values. What the driver writes is there when
 * on_write has returned; unless that has changed the register itself, also to the value that it
 * had: this counts then, and so a bit may clear itself. */
class Register : Unique {
public:
	inline Register(Region &region, uint64_t offset, unsigned width, const char *name,
			const char *help = nullptr, lm_access access = LM_RW, uint64_t reset = 0);

	Register &field(const char *name, unsigned shift, unsigned bits)
	{
		lm_field_t f = {};

		f.name = name;
		f.shift = static_cast<uint8_t>(shift);
		f.bits = static_cast<uint8_t>(bits);
		fields_.push_back(f);
		return *this;
	}
	Register &array(uint32_t count, uint32_t stride = 0)
	{
		values_.assign(count, Value(description_.reset));
		description_.count = count;
		description_.stride = stride;
		return *this;
	}

	/* The bits that the driver can write; without it: all. */
	Register &writable(uint64_t mask)
	{
		description_.wmask = mask;
		return *this;
	}

	operator uint64_t() const { return values_[0]; }
	Value &operator=(uint64_t value) { return values_[0] = value; }
	Value &operator|=(uint64_t bits) { return values_[0] |= bits; }
	Value &operator&=(uint64_t bits) { return values_[0] &= bits; }
	Value &operator+=(uint64_t n) { return values_[0] += n; }
	Value &operator[](size_t element) { return values_[element]; }
	uint64_t operator[](size_t element) const { return values_[element]; }
	void reset()
	{
		for (Value &value : values_)
			value = description_.reset;
	}

	/* The driver reads it: what it gets. Without one: the value. */
	std::function<uint64_t(const lm_register_io_t &io)> on_read;
	/* The driver writes it: io.old and io.value; the value is still the old one. */
	std::function<void(const lm_register_io_t &io)> on_write;

private:
	friend class Region;
	friend class Device;

	uint64_t driver_reads(const lm_register_io_t &io)
	{
		return on_read ? on_read(io) : values_[io.element];
	}
	void driver_writes(lm_register_io_t io)
	{
		Value &value = values_[io.element];
		const uint32_t changes = value.changes_;

		io.old = value;
		if (description_.wmask && description_.access != LM_RW1C)
			io.value |= io.old & ~description_.wmask;
		if (on_write)
			on_write(io);
		if (value.changes_ == changes) /* else the device has had the last word */
			value = description_.access == LM_RW1C ? io.old & ~io.value : io.value;
	}

	lm_register_t description_ = {};
	std::vector<lm_field_t> fields_;
	std::vector<Value> values_;
};

/* ---- timers ----------------------------------------------------------------------- */

/* There while the device is served, not armed at first. */
class Timer : Unique {
public:
	inline Timer(Device &device, std::function<void()> expired);
	void arm(std::chrono::nanoseconds delay,
		 std::chrono::nanoseconds interval = std::chrono::nanoseconds::zero())
	{
		check(lm_timer_arm(timer_, static_cast<uint64_t>(delay.count()),
				   static_cast<uint64_t>(interval.count())),
		      "timer");
	}
	void stop() { check(lm_timer_arm(timer_, 0, 0), "timer"); }

private:
	friend class Device;

	Device &device_;
	std::function<void()> expired_;
	lm_timer_t *timer_ = nullptr;
};

/* Off at first; set() says when it is looked at, and what @look returns is how much there was to do:
 * lm_poller_create(). There while the device is served. */
class Poller : Unique {
public:
	inline Poller(Device &device, std::function<unsigned()> look);
	void set(lm_polling when) { lm_poller_set(poller_, when); }

private:
	friend class Device;

	Device &device_;
	std::function<unsigned()> look_;
	lm_poller_t *poller_ = nullptr;
};

/* ---- memory of the driver --------------------------------------------------------- */

/* Pointers into it, given up at the end; over at most @N windows, each a piece: for (auto &piece :
 * mapping). */
template <uint32_t N = 1> class Mapping : Unique {
public:
	Mapping(lm_ctx_t *ctx, int prot, dma_addr_t addr, uint64_t len) : ctx_(ctx)
	{
		hold_.sg = sg_;
		hold_.iov = iov_;
		hold_.max = N;
		check(lm_dma_hold(ctx, prot, addr, len, &hold_), "memory of the driver");
	}
	~Mapping() { lm_dma_release(ctx_, &hold_); }
	const struct iovec *begin() const { return iov_; }
	const struct iovec *end() const { return iov_ + hold_.nr; }
	size_t size() const { return hold_.nr; } /* pieces */
	/* All of it; nullptr: it has several pieces. */
	void *data() const { return hold_.nr == 1 ? iov_[0].iov_base : nullptr; }

private:
	lm_ctx_t *ctx_;
	lm_dma_hold_t hold_ = {};
	dma_sg_t sg_[N];
	struct iovec iov_[N];
};

/* ---- the device ------------------------------------------------------------------- */

class Device : Unique {
public:
	Device(const char *type, uint16_t vendor, uint16_t device)
	{
		info_.type = type;
		info_.pvt = this;
		info_.pci_info.id.vid = vendor;
		info_.pci_info.id.did = device;
		info_.configure = call_configure;
		info_.start = call_start;
		info_.stop = call_stop;
		info_.reset = call_reset;
		info_.client = call_client;
		info_.save = call_save;
		info_.load = call_load;
	}
	/* Not a PCI device (LM_DEV_PLATFORM): regions by index from 0 on, and use_irq(). */
	explicit Device(const char *type) : Device(type, 0, 0) { info_.flags |= LM_DEV_PLATFORM; }
	virtual ~Device() = default;

	/* The main function of a program that is this device: see lm_main(). */
	int main(int argc, char **argv)
	{
		build();
		return lm_main(argc, argv, &info_);
	}
	/* The description, for all that has no name of its own here. Before the device is made. */
	lm_dev_info_t &info() { return info_; }
	/* Complete, for lm_ctx_create() in a program with a loop of its own. */
	const lm_dev_info_t *description()
	{
		build();
		return &info_;
	}
	/* While it is served, from start() to stop(). */
	lm_ctx_t *context() const { return ctx_; }

	int raise(uint32_t vector) { return lm_irq_trigger(ctx_, vector); }
	int assert_irq(uint32_t cause, bool on) { return lm_irq_assert(ctx_, cause, on); }
	void read(dma_addr_t addr, void *data, uint64_t len)
	{
		check(lm_dma_read_at(ctx_, addr, data, len), "read");
	}
	void write(dma_addr_t addr, const void *data, uint64_t len)
	{
		check(lm_dma_write_at(ctx_, addr, data, len), "write");
	}
	template <class T> void publish(dma_addr_t addr, T value) /* lm_dma_store() */
	{
		check(lm_dma_store(ctx_, addr, sizeof(value), value), "publish");
	}
	template <class T> T load(dma_addr_t addr) /* lm_dma_load() */
	{
		uint64_t value;

		check(lm_dma_load(ctx_, addr, sizeof(T), &value), "load");
		return static_cast<T>(value);
	}

protected:
	/* Options are set: what they make of the description, of which @info is a copy. */
	virtual void configure(lm_dev_info_t &info) { (void)info; }
	virtual void start() {}
	virtual void stop() {}
	virtual void reset() {}
	virtual void client(bool attached) { (void)attached; }
	/* lm_ctx_load() has put back registers and what saved() names: where timers begin. */
	virtual void loaded() {}

	void use_intx() { info_.pci_info.irq_count[LM_DEV_INTX_IRQ_IDX] = 1; }
	void use_msi(uint32_t vectors) { info_.pci_info.irq_count[LM_DEV_MSI_IRQ_IDX] = vectors; }
	void use_msix(uint32_t vectors, uint8_t bar, uint32_t table, uint32_t pba)
	{
		lm_cap_t cap = {};

		cap.id = 0x11; /* PCI_CAP_ID_MSIX */
		cap.msix.bar = bar;
		cap.msix.table = table;
		cap.msix.pba = pba;
		capability(cap);
		info_.pci_info.irq_count[LM_DEV_MSIX_IRQ_IDX] = vectors;
	}
	void capability(const lm_cap_t &cap) { caps_.push_back(cap); }
	/* Without PCI: an interrupt; the number of its first vector, for raise() and assert_irq(). */
	uint32_t use_irq(const char *name, uint32_t flags = LM_IRQ_FLAG_LEVEL, uint32_t count = 1)
	{
		const uint32_t first = vectors_;
		lm_irq_info_t irq = {};

		irq.name = name;
		irq.count = count;
		irq.flags = flags;
		irqs_.push_back(irq);
		vectors_ += count;
		return first;
	}

	/* An option: more about it. */
	class Option {
	public:
		Option &flags(uint32_t flags) /* LM_PROP_CREATE, LM_PROP_RO, LM_PROP_HEX ... */
		{
			device_.props_[index_].flags |= flags;
			return *this;
		}
		/* When musctl has set it: changed<&Card::retime>(). */
		template <auto Method> Option &changed()
		{
			device_.props_[index_].changed = call_changed<Method>;
			return *this;
		}

	private:
		friend class Device;

		explicit Option(Device &device)
			: device_(device), index_(device.props_.size() - 1)
		{}

		Device &device_;
		size_t index_;
	};

	/* Options of the device that are variables, members of it. What they are before the device
	 * is made is the default. */
	template <class T>
	Option option(const char *name, const char *help, T &variable, T min = 0,
		      T max = std::numeric_limits<T>::max(), const char *unit = nullptr)
	{
		static_assert(std::is_unsigned_v<T>, "an unsigned integer, or bool");
		lm_prop_t &p = variable_at(name, help, &variable, sizeof(variable));

		p.type = std::is_same_v<T, bool> ? LM_PROP_BOOL : LM_PROP_UINT;
		p.min = min;
		p.max = max;
		p.unit = unit;
		return Option(*this);
	}
	/* One of @choices, which ends with nullptr and outlives the device; the variable is its
	 * index, or an enum of that. */
	template <class T>
	Option option(const char *name, const char *help, T &variable, const char *const *choices)
	{
		static_assert(std::is_unsigned_v<T> || std::is_enum_v<T>, "the index of a choice");
		lm_prop_t &p = variable_at(name, help, &variable, sizeof(variable));

		p.type = LM_PROP_ENUM;
		p.choices = choices;
		return Option(*this);
	}
	template <size_t N> Option option(const char *name, const char *help, char (&text)[N])
	{
		variable_at(name, help, text, N).type = LM_PROP_TEXT;
		return Option(*this);
	}

	/* A member that is part of a saved state, as its bytes are: no pointers. The state of a device
	 * with other registers, or another info().state_version, is refused. */
	template <class T> void saved(T &variable)
	{
		static_assert(std::is_trivially_copyable_v<T>, "saved as bytes");
		saved_.push_back({ &variable, sizeof(variable) });
	}

private:
	friend class Region;
	friend class Register;
	friend class Timer;
	friend class Poller;

	lm_prop_t &variable_at(const char *name, const char *help, const void *at, size_t size)
	{
		lm_prop_t p = {};

		p.name = name;
		p.help = help;
		p.size = static_cast<uint32_t>(size);
		p.offset = static_cast<uint64_t>(static_cast<const char *>(at) -
						 reinterpret_cast<const char *>(this));
		props_.push_back(p);
		return props_.back();
	}

	/* In the table where a region of this index stands. */
	lm_reg_info_t &region_at(uint32_t index)
	{
		const bool is_pci = !(info_.flags & LM_DEV_PLATFORM);
		const uint32_t end = is_pci ? LM_DEV_NUM_REGS : 256; /* more than anybody has */

		check(index < end ? 0 : -EINVAL, "index of a region");
		if (is_pci)
			return info_.pci_info.reg_info[index];
		if (extra_.size() <= index)
			extra_.resize(index + 1);
		return extra_[index];
	}

	void build()
	{
		for (Region *region : regions_)
			region->build(region_at(region->index_));
		if (!extra_.empty()) {
			info_.extra_regs = extra_.data();
			info_.nr_extra_regs = static_cast<uint32_t>(extra_.size());
			info_.extra_reg_size = sizeof(lm_reg_info_t);
		}
		if (!irqs_.empty()) {
			info_.irqs = irqs_.data();
			info_.nr_irqs = static_cast<uint32_t>(irqs_.size());
			info_.irq_size = sizeof(lm_irq_info_t);
		}
		info_.cap_list = caps_.data();
		info_.nr_caps = static_cast<uint32_t>(caps_.size());
		info_.cap_size = sizeof(lm_cap_t);
		info_.props = props_.data();
		info_.nr_props = static_cast<uint32_t>(props_.size());
		info_.prop_size = sizeof(lm_prop_t);
		if (defaults_.empty())
			describe_defaults();
	}

	/* As text, which the description points to. */
	void describe_defaults()
	{
		defaults_.reserve(props_.size());
		for (lm_prop_t &p : props_) {
			const char *at = reinterpret_cast<const char *>(this) + p.offset;

			if (p.flags & LM_PROP_RO)
				continue;
			if (p.type == LM_PROP_TEXT)
				defaults_.emplace_back(at, strnlen(at, p.size));
			else if (p.type == LM_PROP_ENUM)
				defaults_.emplace_back(choice_at(p, number_at(at, p.size)));
			else
				defaults_.push_back(std::to_string(number_at(at, p.size)));
			p.value = defaults_.back().c_str();
		}
	}
	static const char *choice_at(const lm_prop_t &p, uint64_t index)
	{
		uint64_t i = 0;

		while (i < index && p.choices[i])
			i++;
		check(p.choices[i] ? 0 : -EINVAL, p.name);
		return p.choices[i];
	}
	static uint64_t number_at(const char *at, uint32_t size)
	{
		uint8_t u8;
		uint16_t u16;
		uint32_t u32;
		uint64_t u64;

		switch (size) {
		case 1: std::memcpy(&u8, at, 1); return u8;
		case 2: std::memcpy(&u16, at, 2); return u16;
		case 4: std::memcpy(&u32, at, 4); return u32;
		default: std::memcpy(&u64, at, 8); return u64;
		}
	}

	/* ---- state: numbers are little endian, as all that the library saves ---- */

	template <class F> void each_register(F &&fn) const
	{
		for (const Region *region : regions_)
			for (Register *r : region->registers_)
				for (Value &value : r->values_)
					fn(*r, value);
	}
	size_t state_size() const
	{
		size_t size = sizeof(uint64_t);

		each_register([&size](const Register &, Value &) { size += sizeof(uint64_t); });
		for (const Saved &s : saved_)
			size += s.size;
		return size;
	}
	void state_save(char *to) const
	{
		const auto put = [&to](uint64_t number) {
			for (int i = 0; i < 8; i++)
				*to++ = static_cast<char>(number >> 8 * i);
		};

		put(info_.state_version);
		each_register([&put](const Register &, Value &value) { put(value); });
		for (const Saved &s : saved_) {
			std::memcpy(to, s.at, s.size);
			to += s.size;
		}
	}
	/* All of it is looked at before anything changes. */
	void state_load(const char *from, size_t size)
	{
		const char *at = from;
		bool fits = size == state_size();
		const auto get = [&at] {
			uint64_t number = 0;

			for (int i = 0; i < 8; i++)
				number |= uint64_t(static_cast<unsigned char>(*at++)) << 8 * i;
			return number;
		};

		fits = fits && get() == info_.state_version;
		if (fits)
			each_register([&](const Register &r, Value &) {
				const unsigned bits = 8u * r.description_.width;

				if (const uint64_t value = get(); bits < 64 && value >> bits)
					fits = false;
			});
		if (!fits)
			throw std::system_error(EINVAL, std::generic_category(),
						"the state of another version, or damaged");
		at = from + sizeof(uint64_t);
		each_register([&get](const Register &, Value &value) { value = get(); });
		for (const Saved &s : saved_) {
			std::memcpy(s.at, at, s.size);
			at += s.size;
		}
	}

	/* No exception passes the C of the library. */
	template <class F> int guarded(F &&fn) const
	{
		try {
			fn();
			return 0;
		} catch (const std::system_error &e) {
			complain(e.what());
			return e.code().value() > 0 ? -e.code().value() : -EIO;
		} catch (const std::exception &e) {
			complain(e.what());
		} catch (...) {
			complain("an exception of unknown type");
		}
		return -EIO;
	}
	void complain(const char *what) const
	{
		if (ctx_)
			lm_log(ctx_, LM_LOG_ERR, "%s", what);
	}

	void reset_registers()
	{
		for (Region *region : regions_)
			for (Register *r : region->registers_)
				r->reset();
	}

	static Device *of(void *pvt) { return static_cast<Device *>(pvt); }
	static int call_configure(void *pvt, lm_dev_info_t *info)
	{
		Device *d = of(pvt);

		return d->guarded([d, info] { d->configure(*info); });
	}
	static int call_start(void *pvt, lm_ctx_t *ctx)
	{
		Device *d = of(pvt);

		d->ctx_ = ctx;
		const int ret = d->guarded([d, ctx] {
			for (Timer *t : d->timers_) {
				t->timer_ = lm_timer_create(ctx, call_timer, t);
				check(t->timer_ ? 0 : -errno, "timer");
			}
			for (Poller *p : d->pollers_) {
				p->poller_ = lm_poller_create(ctx, call_poller, p);
				check(p->poller_ ? 0 : -errno, "poller");
			}
			d->reset_registers();
			d->start();
		});
		if (ret)
			d->ctx_ = nullptr;
		return ret;
	}
	static void call_stop(void *pvt)
	{
		Device *d = of(pvt);

		d->guarded([d] { d->stop(); });
		for (Timer *t : d->timers_)
			t->timer_ = nullptr; /* it goes with the context */
		for (Poller *p : d->pollers_)
			p->poller_ = nullptr;
		d->ctx_ = nullptr;
	}
	static int call_reset(void *pvt)
	{
		Device *d = of(pvt);

		d->reset_registers();
		return d->guarded([d] { d->reset(); });
	}
	static void call_client(void *pvt, bool attached)
	{
		Device *d = of(pvt);

		d->guarded([d, attached] { d->client(attached); });
	}
	static ssize_t call_save(void *pvt, void *buf, size_t size)
	{
		const size_t needed = of(pvt)->state_size();

		if (buf && size >= needed)
			of(pvt)->state_save(static_cast<char *>(buf));
		return static_cast<ssize_t>(needed);
	}
	static int call_load(void *pvt, const void *buf, size_t size)
	{
		Device *d = of(pvt);

		return d->guarded([&] {
			d->state_load(static_cast<const char *>(buf), size);
			d->loaded();
		});
	}
	template <class D> static D *owner(void (D::*)(), void *pvt)
	{
		return static_cast<D *>(of(pvt));
	}
	template <auto Method> static void call_changed(void *pvt)
	{
		of(pvt)->guarded([pvt] { (owner(Method, pvt)->*Method)(); });
	}
	static void call_timer(void *arg)
	{
		Timer *t = static_cast<Timer *>(arg);

		t->device_.guarded(t->expired_);
	}
	static unsigned call_poller(void *arg)
	{
		Poller *p = static_cast<Poller *>(arg);
		unsigned found = 0;

		p->device_.guarded([&] { found = p->look_(); });
		return found;
	}

	lm_dev_info_t info_ = {};
	lm_ctx_t *ctx_ = nullptr;
	std::vector<Region *> regions_;
	std::vector<Timer *> timers_;
	std::vector<Poller *> pollers_;
	std::vector<lm_cap_t> caps_;
	std::vector<lm_reg_info_t> extra_;
	std::vector<lm_irq_info_t> irqs_;
	uint32_t vectors_ = 0;
	std::vector<lm_prop_t> props_;
	std::vector<std::string> defaults_;
	struct Saved {
		void *at;
		size_t size;
	};
	std::vector<Saved> saved_;
};

/* ---- what needs all of the above -------------------------------------------------- */

inline Region::Region(Device &device, uint32_t index, uint64_t size, uint32_t flags,
		      const char *name)
	: device_(device), index_(index)
{
	lm_reg_info_t &info = device.region_at(index);

	check(info.size ? -EEXIST : 0, "index of a region");
	info.size = size;
	info.flags = flags;
	info.name = name;
	device.regions_.push_back(this);
}

inline void *Region::memory(uint64_t offset, size_t length) const
{
	return lm_mmap(device_.context(), index_, offset, length);
}

inline void Region::build(lm_reg_info_t &info)
{
	if (registers_.empty())
		return;
	std::sort(registers_.begin(), registers_.end(), [](const Register *a, const Register *b) {
		return a->description_.offset < b->description_.offset;
	});
	table_.clear();
	for (Register *r : registers_) {
		lm_register_t &d = r->description_;

		d.nr_fields = static_cast<uint32_t>(r->fields_.size());
		d.fields = r->fields_.data();
		d.flags = r->on_read ? 0 : LM_REGISTER_PURE;
		table_.push_back(d);
	}
	map_.registers = table_.data();
	map_.nr_registers = static_cast<uint32_t>(table_.size());
	map_.register_size = sizeof(lm_register_t);
	map_.read = read;
	map_.write = write;
	info.regs = &map_;
}

inline uint64_t Region::read(void *pvt, const lm_register_io_t *io)
{
	Device *d = Device::of(pvt);
	uint64_t value = 0;

	for (const Region *region : d->regions_) {
		if (region->index_ == io->region)
			d->guarded([&] {
				value = region->registers_[io->index]->driver_reads(*io);
			});
	}
	return value;
}

inline void Region::write(void *pvt, const lm_register_io_t *io)
{
	Device *d = Device::of(pvt);

	for (const Region *region : d->regions_) {
		if (region->index_ == io->region)
			d->guarded([&] { region->registers_[io->index]->driver_writes(*io); });
	}
}

inline Register::Register(Region &region, uint64_t offset, unsigned width, const char *name,
			  const char *help, lm_access access, uint64_t reset)
	: values_(1, Value(reset))
{
	description_.name = name;
	description_.help = help;
	description_.offset = offset;
	description_.width = static_cast<uint8_t>(width);
	description_.access = static_cast<uint8_t>(access);
	description_.reset = reset;
	region.registers_.push_back(this);
}

inline Timer::Timer(Device &device, std::function<void()> expired)
	: device_(device), expired_(std::move(expired))
{
	device.timers_.push_back(this);
}

inline Poller::Poller(Device &device, std::function<unsigned()> look)
	: device_(device), look_(std::move(look))
{
	device.pollers_.push_back(this);
}

} // namespace muser

#endif /* MUSER_HPP */
