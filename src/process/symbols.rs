//! Finds what symbols of a target's programs and libraries lie where: exported ones from the target's memory, static
//! ones from the very file that is mapped. Knows no name of Python's.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::ffi::CString;
use std::fs::File;
use std::os::unix::fs::{FileExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::PathBuf;

use goblin::elf::dynamic::{DT_GNU_HASH, DT_HASH, DT_NULL, DT_STRSZ, DT_STRTAB, DT_SYMTAB};
use goblin::elf::header::{ELFMAG, ET_DYN, ET_EXEC};
use goblin::elf::program_header::{PF_W, PT_DYNAMIC, PT_LOAD, PT_NOTE};
use goblin::elf::section_header::{SHN_UNDEF, SHT_SYMTAB};
use goblin::elf::sym::{STT_FILE, STT_SECTION, STT_TLS};

use crate::addr::{Addr, AddrRange};
use crate::memory::{Fault, Memory, Region, Regions, View};

/// `sizeof(Elf64_Ehdr)`.
const EHDR: usize = 64;
/// `sizeof(Elf64_Phdr)`.
const PHDR: usize = 56;
/// `sizeof(Elf64_Shdr)`.
const SHDR: usize = 64;
/// `sizeof(Elf64_Sym)`.
const SYM: usize = 24;
/// `sizeof(Elf64_Dyn)`.
const DYN: usize = 16;
/// More program headers than any linker writes.
const MOST_PHDRS: usize = 512;
/// More sections than a file that is not made of `-ffunction-sections` leftovers has.
const MOST_SECTIONS: usize = 65_535;
/// More dynamic entries than any library has; most have some 30.
const MOST_DYN: u64 = 4096;
/// The longest chain of one hash value that is followed.
const MOST_CHAIN: u32 = 65_536;
/// The largest table (symbols, strings) that is read from a file, in bytes.
const MOST_TABLE: u64 = 512 << 20;
/// The longest symbol name that is looked up, in bytes.
const MOST_NAME: usize = 512;
/// The longest note segment that is read, in bytes.
const MOST_NOTES: u64 = 16 << 10;

/// Why a program or library gave no symbols.
#[derive(Debug, thiserror::Error)]
pub enum SymbolError {
    /// What is mapped there has no ELF header.
    #[error("{path} at {base} is not an ELF file")]
    NotElf {
        /// As in the maps.
        path: String,
        /// Where its first byte is mapped.
        base: Addr,
    },
    /// An ELF file that no 64-bit little-endian process can run.
    #[error("{path} is an ELF file of a kind that is not read here: {what}")]
    Unsupported {
        /// As in the maps.
        path: String,
        /// What is unusual.
        what: &'static str,
    },
    /// The headers could not be read from the target.
    #[error("cannot read the headers of {path}: {fault}")]
    Memory {
        /// As in the maps.
        path: String,
        /// The read that failed.
        #[source]
        fault: Fault,
    },
    /// The file that is mapped could not be found: not by the map, not in the target's root, not in ours.
    #[error("the file behind {path} of process {pid} cannot be opened from here")]
    NoFile {
        /// As in the maps.
        path: String,
        /// The process that maps it.
        pid: i32,
    },
    /// The file broke off or could not be read.
    #[error("cannot read {path}: {source}")]
    File {
        /// As in the maps.
        path: String,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
}

/// One program or library that a process has mapped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Module {
    /// As in the maps; ends with ` (deleted)` where the file was unlinked or replaced.
    pub path: String,
    /// Device of the file, major and minor.
    pub device: (u32, u32),
    /// Inode of the file.
    pub inode: u64,
    /// Its mappings, ascending: those of the file, then the anonymous memory that directly follows the writable ones
    /// (.bss, though what the kernel merged with it may reach past that: see [`Symbols::data_ranges`]).
    pub ranges: Vec<Region>,
}

impl Module {
    /// Where the first byte of the file, its ELF header, is mapped.
    #[must_use]
    pub fn base(&self) -> Addr {
        self.ranges.first().map_or(Addr::NULL, |r| r.range.start)
    }

    /// From the first to the last byte that it maps; other things may lie in between.
    #[must_use]
    pub fn extent(&self) -> AddrRange {
        AddrRange::new(self.base(), self.ranges.last().map_or(Addr::NULL, |r| r.range.end))
    }

    /// Does one of its mappings hold `at`?
    #[must_use]
    pub fn contains(&self, at: Addr) -> bool {
        self.ranges.iter().any(|r| r.range.contains(at))
    }

    /// The last part of the path, without ` (deleted)`.
    #[must_use]
    pub fn file_name(&self) -> &str {
        let path = self.live_path();
        path.rsplit_once('/').map_or(path, |(_, name)| name)
    }

    /// Was the file unlinked or replaced since it was mapped?
    #[must_use]
    pub fn is_deleted(&self) -> bool {
        self.path.ends_with(DELETED)
    }

    fn live_path(&self) -> &str {
        self.path.strip_suffix(DELETED).unwrap_or(&self.path)
    }
}

const DELETED: &str = " (deleted)";

/// Groups the mappings of files into modules, ascending by address.
///
/// A module is a file whose first byte is mapped and of which something is executable. Whether it is an ELF file is
/// only seen by [`Symbols::from_memory`], since nothing is read here.
#[must_use]
pub fn modules(regions: &Regions) -> Vec<Module> {
    type Key<'a> = ((u32, u32), u64, &'a str);
    let mut open: HashMap<Key<'_>, usize> = HashMap::new();
    let mut found: Vec<Module> = Vec::new();
    // The module whose writable mapping of the file, or the bss after it, ended last.
    let mut tail: Option<(usize, Addr)> = None;
    for region in regions {
        if region.is_anonymous() {
            let bss = matches!(region.name.as_str(), "" | "[anon:.bss]" | "[heap]");
            match tail {
                Some((i, end)) if bss && end == region.range.start => {
                    if let Some(module) = found.get_mut(i) {
                        module.ranges.push(region.clone());
                    }
                    tail = Some((i, region.range.end));
                }
                _ => tail = None,
            }
            continue;
        }
        let key = (region.device, region.inode, region.name.as_str());
        let known = open.get(&key).copied().and_then(|i| Some((i, found.get_mut(i)?)));
        let at = match known {
            // A second copy of the same file begins again at offset 0 after larger offsets.
            Some((i, module)) if region.offset > 0 || module.ranges.iter().all(|r| r.offset == 0) => {
                module.ranges.push(region.clone());
                i
            }
            _ if region.offset == 0 && region.name.starts_with('/') => {
                found.push(Module {
                    path: region.name.clone(),
                    device: region.device,
                    inode: region.inode,
                    ranges: vec![region.clone()],
                });
                open.insert(key, found.len() - 1);
                found.len() - 1
            }
            _ => {
                tail = None;
                continue;
            }
        };
        tail = region.write.then_some((at, region.range.end));
    }
    found.retain(|m| m.ranges.iter().any(|r| r.exec));
    found
}

/// One segment of a program header table.
#[derive(Debug, Clone, Copy)]
struct Segment {
    kind: u32,
    flags: u32,
    offset: u64,
    vaddr: u64,
    filesz: u64,
    memsz: u64,
}

/// What an ELF header says, of a file or of memory.
#[derive(Debug, Clone, Copy)]
struct Head {
    kind: u16,
    machine: u16,
    phoff: u64,
    phnum: usize,
    shoff: u64,
    shnum: usize,
    shstrndx: usize,
}

/// What is wrong with a head that cannot be used.
enum BadHead {
    NotElf,
    Unsupported(&'static str),
}

impl Head {
    fn parse(bytes: &[u8]) -> Result<Head, BadHead> {
        let v = View::new(bytes);
        if bytes.get(..4) != Some(&ELFMAG[..]) {
            return Err(BadHead::NotElf);
        }
        if v.at::<u8>(4) != Some(2) {
            return Err(BadHead::Unsupported("not 64-bit"));
        }
        if v.at::<u8>(5) != Some(1) {
            return Err(BadHead::Unsupported("not little-endian"));
        }
        let head = || {
            Some(Head {
                kind: v.at(16)?,
                machine: v.at(18)?,
                phoff: v.at(32)?,
                phnum: usize::from(v.at::<u16>(56)?),
                shoff: v.at(40)?,
                shnum: usize::from(v.at::<u16>(60)?),
                shstrndx: usize::from(v.at::<u16>(62)?),
            })
        };
        let head = head().ok_or(BadHead::NotElf)?;
        if head.kind != ET_EXEC && head.kind != ET_DYN {
            return Err(BadHead::Unsupported("neither a program nor a shared library"));
        }
        if v.at::<u16>(54).map(usize::from) != Some(PHDR) {
            return Err(BadHead::Unsupported("program headers of an unknown size"));
        }
        if head.phnum == 0 || head.phnum > MOST_PHDRS {
            return Err(BadHead::Unsupported("no program headers, or far too many"));
        }
        Ok(head)
    }

    /// The load bias of a file whose first byte is mapped at `base`, modulo 2⁶⁴: add it to a symbol's value.
    fn bias(&self, segments: &[Segment], base: Addr) -> u64 {
        if self.kind == ET_EXEC {
            return 0;
        }
        let first = segments.iter().filter(|s| s.kind == PT_LOAD).min_by_key(|s| s.offset);
        first.map_or(base.0, |s| base.0.wrapping_sub(s.vaddr.wrapping_sub(s.offset)))
    }
}

fn segments(bytes: &[u8]) -> Vec<Segment> {
    bytes
        .chunks_exact(PHDR)
        .filter_map(|c| {
            let v = View::new(c);
            Some(Segment {
                kind: v.at(0)?,
                flags: v.at(4)?,
                offset: v.at(8)?,
                vaddr: v.at(16)?,
                filesz: v.at(32)?,
                memsz: v.at(40)?,
            })
        })
        .collect()
}

/// The id that the linker gave a build (`NT_GNU_BUILD_ID`), from the bytes of a note segment.
fn build_id(notes: &[u8]) -> Option<Vec<u8>> {
    const NT_GNU_BUILD_ID: u32 = 3;
    let v = View::new(notes);
    let mut at = 0usize;
    while at < notes.len() {
        let name = usize::try_from(v.at::<u32>(at)?).ok()?;
        let desc = usize::try_from(v.at::<u32>(at.checked_add(4)?)?).ok()?;
        let kind = v.at::<u32>(at.checked_add(8)?)?;
        let name_at = at.checked_add(12)?;
        let desc_at = name_at.checked_add(name.checked_next_multiple_of(4)?)?;
        let next = desc_at.checked_add(desc.checked_next_multiple_of(4)?)?;
        if kind == NT_GNU_BUILD_ID && notes.get(name_at..name_at.checked_add(name)?) == Some(b"GNU\0") {
            return notes.get(desc_at..desc_at.checked_add(desc)?).map(<[u8]>::to_vec);
        }
        at = next;
    }
    None
}

/// The tables of exported symbols, by absolute address.
#[derive(Debug, Clone, Copy)]
struct Tables {
    symtab: Addr,
    strtab: Addr,
    strsz: u64,
    gnu_hash: Option<Addr>,
    hash: Option<Addr>,
}

/// The exported symbols of one module, looked up in the target's memory as the dynamic linker does it: five small reads
/// a name.
pub struct Symbols<'m> {
    mem: &'m dyn Memory,
    bias: u64,
    machine: u16,
    tables: Option<Tables>,
    data: Vec<AddrRange>,
    build_id: Option<Vec<u8>>,
}

impl std::fmt::Debug for Symbols<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Symbols").field("bias", &Addr(self.bias)).field("tables", &self.tables).finish_non_exhaustive()
    }
}

impl<'m> Symbols<'m> {
    /// Reads the headers of a module from the target's memory, so that it does not matter whether its file was deleted,
    /// replaced, or lies in another mount namespace.
    ///
    /// # Errors
    /// When it is not an ELF file, is one of another word size, or its headers cannot be read. A static program is no
    /// error: it exports nothing.
    pub fn from_memory(mem: &'m dyn Memory, module: &Module) -> Result<Symbols<'m>, SymbolError> {
        let path = || module.path.clone();
        let fault = |fault| SymbolError::Memory { path: path(), fault };
        let base = module.base();
        let mut first = [0u8; EHDR];
        mem.read(base, &mut first).map_err(fault)?;
        let head = Head::parse(&first).map_err(|bad| match bad {
            BadHead::NotElf => SymbolError::NotElf { path: path(), base },
            BadHead::Unsupported(what) => SymbolError::Unsupported { path: path(), what },
        })?;
        let unsupported = |what| SymbolError::Unsupported { path: path(), what };
        let at = base.up(head.phoff).ok_or_else(|| unsupported("program headers out of range"))?;
        let segments = segments(mem.view(at, head.phnum.saturating_mul(PHDR)).map_err(fault)?.bytes());
        let bias = head.bias(&segments, base);

        let mut data: Vec<AddrRange> = Vec::new();
        for s in segments.iter().filter(|s| s.kind == PT_LOAD && s.flags & PF_W != 0) {
            let start = Addr(bias.wrapping_add(s.vaddr));
            let claimed = AddrRange::new(start, start.up(s.memsz).unwrap_or(start));
            for mapped in module.ranges.iter().filter(|r| r.read) {
                let part = claimed.intersection(&mapped.range);
                match data.last_mut() {
                    _ if part.is_empty() => {}
                    Some(last) if last.end == part.start => last.end = part.end,
                    _ => data.push(part),
                }
            }
        }
        data.sort_unstable();

        let build_id = segments.iter().filter(|s| s.kind == PT_NOTE).find_map(|s| {
            let len = usize::try_from(s.memsz.min(MOST_NOTES)).ok()?;
            build_id(mem.view(Addr(bias.wrapping_add(s.vaddr)), len).ok()?.bytes())
        });
        let dynamic = segments.iter().find(|s| s.kind == PT_DYNAMIC);
        let tables = dynamic.and_then(|s| Self::tables(mem, module, bias, s));
        Ok(Symbols { mem, bias, machine: head.machine, tables, data, build_id })
    }

    fn tables(mem: &dyn Memory, module: &Module, bias: u64, dynamic: &Segment) -> Option<Tables> {
        let len = usize::try_from(dynamic.memsz.min(MOST_DYN * DYN as u64)).ok()?;
        let bytes = mem.view(Addr(bias.wrapping_add(dynamic.vaddr)), len).ok()?;
        // glibc writes the final addresses into the table, musl and the vDSO leave those of the file.
        let extent = module.extent();
        let absolute = |value: u64| match Addr(value) {
            at if extent.contains(at) => at,
            _ => Addr(bias.wrapping_add(value)),
        };
        let (mut symtab, mut strtab, mut strsz, mut gnu_hash, mut hash) = (None, None, 0, None, None);
        for entry in bytes.bytes().chunks_exact(DYN) {
            let entry = View::new(entry);
            let (tag, value) = (entry.at::<u64>(0)?, entry.at::<u64>(8)?);
            match tag {
                DT_NULL => break,
                DT_SYMTAB => symtab = Some(absolute(value)),
                DT_STRTAB => strtab = Some(absolute(value)),
                DT_STRSZ => strsz = value,
                DT_GNU_HASH => gnu_hash = Some(absolute(value)),
                DT_HASH => hash = Some(absolute(value)),
                _ => {}
            }
        }
        Some(Tables { symtab: symtab?, strtab: strtab?, strsz, gnu_hash, hash })
    }

    /// Where the exported symbol `name` lies in the target. `None` where the module does not define it, and where its
    /// tables cannot be read or make no sense.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Addr> {
        self.find(name).map(|s| s.addr)
    }

    /// The exported symbol `name` with its size.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<Symbol> {
        let tables = self.tables.as_ref()?;
        let wanted = CString::new(name).ok().filter(|n| n.as_bytes().len() <= MOST_NAME)?;
        match (tables.gnu_hash, tables.hash) {
            (Some(at), _) => self.find_gnu(tables, at, wanted.as_bytes_with_nul()),
            (None, Some(at)) => self.find_sysv(tables, at, wanted.as_bytes_with_nul()),
            (None, None) => None,
        }
    }

    /// The bias that is added to the file's addresses, modulo 2⁶⁴; 0 for a program at a fixed place.
    #[must_use]
    pub fn bias(&self) -> u64 {
        self.bias
    }

    /// `e_machine`: 62 is x86-64, 183 is AArch64.
    #[must_use]
    pub fn machine(&self) -> u16 {
        self.machine
    }

    /// The id that the linker gave this build, if it did.
    #[must_use]
    pub fn build_id(&self) -> Option<&[u8]> {
        self.build_id.as_deref()
    }

    /// The writable data of the module (.data, .bss and the like), ascending, cut to what is mapped and readable.
    #[must_use]
    pub fn data_ranges(&self) -> &[AddrRange] {
        &self.data
    }

    /// `DT_GNU_HASH`: header, Bloom filter, buckets, and for each symbol from `symoffset` on its hash, whose lowest bit
    /// ends a chain.
    fn find_gnu(&self, tables: &Tables, at: Addr, name: &[u8]) -> Option<Symbol> {
        const BLOCK: u32 = 16;
        let hash = gnu_hash(name);
        let head = self.mem.view(at, 16).ok()?;
        let (buckets, symoffset) = (head.at::<u32>(0)?, head.at::<u32>(4)?);
        let (bloom_words, shift) = (head.at::<u32>(8)?, head.at::<u32>(12)?);
        if buckets == 0 || bloom_words == 0 {
            return None;
        }
        let bloom = at.up(16)?;
        let word = self.mem.word(bloom.up(u64::from((hash / 64) % bloom_words) * 8)?).ok()?;
        let second = hash.checked_shr(shift)?;
        if word >> (hash % 64) & 1 == 0 || word >> (second % 64) & 1 == 0 {
            return None;
        }
        let bucket_at = bloom.up(u64::from(bloom_words) * 8)?;
        let chain_at = bucket_at.up(u64::from(buckets) * 4)?;
        let mut index = self.u32(bucket_at.up(u64::from(hash % buckets) * 4)?)?;
        let last = index.checked_add(MOST_CHAIN)?;
        let mut block = [0u8; BLOCK as usize * 4];
        let mut left = 0u32;
        while index < last {
            let nth = index.checked_sub(symoffset)?;
            let from = chain_at.up(u64::from(nth) * 4)?;
            if left == 0 {
                // Near the end of the last page a whole block may not be there.
                left = if self.mem.read(from, &mut block).is_ok() { BLOCK } else { 0 };
            }
            let value = if left == 0 {
                self.u32(from)?
            } else {
                let v = View::new(&block).at::<u32>((BLOCK - left) as usize * 4)?;
                left -= 1;
                v
            };
            if value | 1 == hash | 1
                && let Some(found) = self.symbol(tables, index, name)
            {
                return Some(found);
            }
            if value & 1 == 1 {
                return None;
            }
            index = index.checked_add(1)?;
        }
        None
    }

    /// `DT_HASH`: counts of buckets and chains, buckets, chains.
    fn find_sysv(&self, tables: &Tables, at: Addr, name: &[u8]) -> Option<Symbol> {
        let head = self.mem.view(at, 8).ok()?;
        let (buckets, chains) = (head.at::<u32>(0)?, head.at::<u32>(4)?);
        if buckets == 0 {
            return None;
        }
        let bucket_at = at.up(8)?;
        let chain_at = bucket_at.up(u64::from(buckets) * 4)?;
        let mut index = self.u32(bucket_at.up(u64::from(sysv_hash(name) % buckets) * 4)?)?;
        for _ in 0..MOST_CHAIN {
            if index == 0 || index >= chains {
                return None;
            }
            if let Some(found) = self.symbol(tables, index, name) {
                return Some(found);
            }
            index = self.u32(chain_at.up(u64::from(index) * 4)?)?;
        }
        None
    }

    /// The symbol of this index, if it is defined and has this name (which ends with a NUL).
    fn symbol(&self, tables: &Tables, index: u32, name: &[u8]) -> Option<Symbol> {
        let sym = self.mem.view(tables.symtab.up(u64::from(index) * SYM as u64)?, SYM).ok()?;
        let (value, size) = defined(&sym)?;
        let at = u64::from(sym.at::<u32>(0)?);
        if at.checked_add(name.len() as u64)? > tables.strsz {
            return None;
        }
        let text = self.mem.view(tables.strtab.up(at)?, name.len()).ok()?;
        (text.bytes() == name).then_some(Symbol { addr: Addr(self.bias.wrapping_add(value)), size })
    }

    fn u32(&self, at: Addr) -> Option<u32> {
        let mut bytes = [0; 4];
        self.mem.read(at, &mut bytes).ok()?;
        Some(u32::from_le_bytes(bytes))
    }
}

/// A symbol of a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Symbol {
    /// Where it lies in the target.
    pub addr: Addr,
    /// Its size in bytes as the linker wrote it down; 0 where it did not.
    pub size: u64,
}

/// Value and size of an `Elf64_Sym` that names something at a place.
fn defined(sym: &View<'_>) -> Option<(u64, u64)> {
    let kind = sym.at::<u8>(4)? & 0xf;
    let section = u32::from(sym.at::<u16>(6)?);
    let value = sym.at::<u64>(8)?;
    let placed = section != SHN_UNDEF && value != 0 && !matches!(kind, STT_TLS | STT_FILE | STT_SECTION);
    placed.then_some((value, sym.at(16)?))
}

fn gnu_hash(name: &[u8]) -> u32 {
    let text = name.strip_suffix(&[0]).unwrap_or(name);
    text.iter().fold(5381u32, |h, b| h.wrapping_mul(33).wrapping_add(u32::from(*b)))
}

fn sysv_hash(name: &[u8]) -> u32 {
    let text = name.strip_suffix(&[0]).unwrap_or(name);
    text.iter().fold(0u32, |h, b| {
        let h = (h << 4).wrapping_add(u32::from(*b));
        let high = h & 0xf000_0000;
        (h ^ (high >> 24)) & !high
    })
}

/// The file that a module was mapped from, and no other one of the same name.
#[derive(Debug)]
pub struct ModuleFile {
    file: File,
    path: String,
    bias: u64,
    head: Head,
    sections: Vec<Section>,
}

#[derive(Debug, Clone, Copy)]
struct Section {
    name: u32,
    kind: u32,
    addr: u64,
    offset: u64,
    size: u64,
    link: u32,
}

impl ModuleFile {
    /// Opens the file behind `module` of the process `pid`: by the map itself, as the running program, in the root of
    /// the target, at last by its path here.
    ///
    /// What is found by a path is believed only where device and inode are those of the map, or where its build id is
    /// the one in memory (on overlayfs and btrfs the map's device is not the one that `stat` tells).
    ///
    /// # Errors
    /// [`SymbolError::NoFile`] where none of these is that file; otherwise as it cannot be read.
    pub fn open(pid: i32, mem: &dyn Memory, module: &Module) -> Result<ModuleFile, SymbolError> {
        let path = || module.path.clone();
        let file = Self::find(pid, mem, module).ok_or_else(|| SymbolError::NoFile { path: path(), pid })?;
        let failed = |source| SymbolError::File { path: path(), source };
        let size = file.metadata().map_err(failed)?.size();
        let first = read_range(&file, 0, EHDR as u64, size).map_err(failed)?;
        let head = Head::parse(&first).map_err(|bad| match bad {
            BadHead::NotElf => SymbolError::NotElf { path: path(), base: module.base() },
            BadHead::Unsupported(what) => SymbolError::Unsupported { path: path(), what },
        })?;
        let table = (head.phnum as u64).saturating_mul(PHDR as u64);
        let segments = segments(&read_range(&file, head.phoff, table, size).map_err(failed)?);
        let bias = head.bias(&segments, module.base());
        let count = head.shnum.min(MOST_SECTIONS) as u64;
        // A file without sections has no static symbols, which is no error.
        let table = read_range(&file, head.shoff, count.saturating_mul(SHDR as u64), size).unwrap_or_default();
        let sections = table
            .chunks_exact(SHDR)
            .filter_map(|c| {
                let v = View::new(c);
                Some(Section {
                    name: v.at(0)?,
                    kind: v.at(4)?,
                    addr: v.at(16)?,
                    offset: v.at(24)?,
                    size: v.at(32)?,
                    link: v.at(40)?,
                })
            })
            .collect();
        Ok(ModuleFile { file, path: path(), bias, head, sections })
    }

    fn find(pid: i32, mem: &dyn Memory, module: &Module) -> Option<File> {
        // The kernel's own link to what is mapped or run needs no further proof.
        let by_map = module.ranges.iter().find(|r| r.inode == module.inode).and_then(|r| {
            let (start, end) = (r.range.start.0, r.range.end.0);
            open_regular(&PathBuf::from(format!("/proc/{pid}/map_files/{start:x}-{end:x}")))
        });
        if by_map.is_some() {
            return by_map;
        }
        let exe = PathBuf::from(format!("/proc/{pid}/exe"));
        if std::fs::read_link(&exe).is_ok_and(|link| link.as_os_str() == unescape(&module.path).as_str())
            && let Some(file) = open_regular(&exe)
        {
            return Some(file);
        }
        let path = unescape(module.live_path());
        let tries = [PathBuf::from(format!("/proc/{pid}/root{path}")), PathBuf::from(path)];
        let id = Symbols::from_memory(mem, module).ok().and_then(|s| s.build_id);
        tries.iter().find_map(|p| {
            let file = open_regular(p)?;
            let meta = file.metadata().ok()?;
            let device = (nix::sys::stat::major(meta.dev()), nix::sys::stat::minor(meta.dev()));
            let same = meta.ino() == module.inode && (u64::from(module.device.0), u64::from(module.device.1)) == device;
            (same || (id.is_some() && file_build_id(&file, meta.size()) == id)).then_some(file)
        })
    }

    /// Static symbols by name, from `.symtab`; names without one are left out.
    ///
    /// A name that the linker or compiler gave a suffix (`arenas.lto_priv.0`, `arenas.123`, `f.part.0`) counts as the
    /// one before the dot, so that one name may have several candidates, ascending by address; exact ones come first.
    ///
    /// # Errors
    /// When the tables break off or claim more than 512 MiB.
    pub fn static_symbols(&self, names: &[&str]) -> Result<HashMap<String, Vec<Symbol>>, SymbolError> {
        let mut found: BTreeMap<&str, Vec<(bool, Symbol)>> = BTreeMap::new();
        let failed = |source| SymbolError::File { path: self.path.clone(), source };
        let size = self.file.metadata().map_err(failed)?.size();
        // A full comparison only where the first byte and the length allow it.
        let mut firsts = [false; 256];
        for byte in names.iter().filter_map(|n| n.bytes().next()) {
            if let Some(first) = firsts.get_mut(usize::from(byte)) {
                *first = true;
            }
        }
        for table in self.sections.iter().filter(|s| s.kind == SHT_SYMTAB) {
            let Some(strings) = usize::try_from(table.link).ok().and_then(|i| self.sections.get(i)) else { continue };
            let strings = read_range(&self.file, strings.offset, strings.size, size).map_err(failed)?;
            let symbols = read_range(&self.file, table.offset, table.size, size).map_err(failed)?;
            for bytes in symbols.chunks_exact(SYM) {
                let sym = View::new(bytes);
                let Some(at) = sym.at::<u32>(0).and_then(|n| usize::try_from(n).ok()) else { continue };
                let Some(text) = strings.get(at..) else { continue };
                let starts = text.first().and_then(|b| firsts.get(usize::from(*b)));
                if starts != Some(&true) {
                    continue;
                }
                let Some((value, size)) = defined(&sym) else { continue };
                for name in names {
                    let exact = match text.strip_prefix(name.as_bytes()).and_then(<[u8]>::first) {
                        Some(0) => true,
                        Some(b'.') => false,
                        _ => continue,
                    };
                    let symbol = Symbol { addr: Addr(self.bias.wrapping_add(value)), size };
                    found.entry(name).or_default().push((exact, symbol));
                }
            }
        }
        Ok(found
            .into_iter()
            .map(|(name, mut all)| {
                all.sort_unstable_by_key(|(exact, symbol)| (Reverse(*exact), *symbol));
                all.dedup();
                (name.to_owned(), all.into_iter().map(|(_, symbol)| symbol).collect())
            })
            .collect())
    }

    /// Where the section `name` (`.PyRuntime`) lies in the target; `None` where the file has none, or it is not mapped.
    #[must_use]
    pub fn section(&self, name: &str) -> Option<AddrRange> {
        let size = self.file.metadata().ok()?.size();
        let names = self.sections.get(self.head.shstrndx)?;
        let names = read_range(&self.file, names.offset, names.size, size).ok()?;
        let wanted = self.sections.iter().find(|s| {
            let text = usize::try_from(s.name).ok().and_then(|at| names.get(at..));
            let rest = text.and_then(|t| t.strip_prefix(name.as_bytes()));
            s.addr != 0 && rest.and_then(<[u8]>::first) == Some(&0)
        })?;
        let start = Addr(self.bias.wrapping_add(wanted.addr));
        Some(AddrRange::new(start, start.up(wanted.size)?))
    }
}

/// Static symbols of `module` in the process `pid`, from the file that it maps; empty where that file cannot be opened
/// or read. See [`ModuleFile::static_symbols`].
#[must_use]
pub fn static_symbols(pid: i32, mem: &dyn Memory, module: &Module, names: &[&str]) -> HashMap<String, Vec<Symbol>> {
    match ModuleFile::open(pid, mem, module).and_then(|file| file.static_symbols(names)) {
        Ok(found) => found,
        Err(e) => {
            log::debug!("no static symbols: {e}");
            HashMap::new()
        }
    }
}

/// A path of the target's choosing may be a pipe or a device: neither waits nor reads those.
fn open_regular(path: &PathBuf) -> Option<File> {
    let flags = libc::O_NONBLOCK | libc::O_NOCTTY | libc::O_CLOEXEC;
    let file = File::options().read(true).custom_flags(flags).open(path).ok()?;
    file.metadata().ok()?.is_file().then_some(file)
}

/// The build id of an ELF file of `size` bytes.
fn file_build_id(file: &File, size: u64) -> Option<Vec<u8>> {
    let head = Head::parse(&read_range(file, 0, EHDR as u64, size).ok()?).ok()?;
    let table = (head.phnum as u64).checked_mul(PHDR as u64)?;
    let segments = segments(&read_range(file, head.phoff, table, size).ok()?);
    segments
        .iter()
        .filter(|s| s.kind == PT_NOTE)
        .find_map(|s| build_id(&read_range(file, s.offset, s.filesz.min(MOST_NOTES), size).ok()?))
}

/// `len` bytes of a file of `size` bytes. Reads rather than maps: a file that is cut short meanwhile is then an error and
/// not a signal that kills us.
fn read_range(file: &File, at: u64, len: u64, size: u64) -> std::io::Result<Vec<u8>> {
    if len > MOST_TABLE || at.checked_add(len).is_none_or(|end| end > size) {
        return Err(std::io::Error::new(std::io::ErrorKind::InvalidData, "a table reaches past the end of the file"));
    }
    let len = usize::try_from(len).map_err(|_| std::io::ErrorKind::OutOfMemory)?;
    let mut bytes = vec![0; len];
    file.read_exact_at(&mut bytes, at)?;
    Ok(bytes)
}

/// Undoes what the kernel does to a path in the maps: a newline stands there as `\012`.
fn unescape(path: &str) -> String {
    path.replace("\\012", "\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::live::Live;

    fn own_pid() -> i32 {
        i32::try_from(std::process::id()).expect("a pid fits")
    }

    fn own_modules() -> Vec<Module> {
        modules(&crate::process::Process::open(own_pid()).expect("ourselves").regions().expect("our own map"))
    }

    fn region(range: (u64, u64), rights: &str, offset: u64, inode: u64, name: &str) -> Region {
        Region {
            range: AddrRange::new(Addr(range.0), Addr(range.1)),
            read: rights.contains('r'),
            write: rights.contains('w'),
            exec: rights.contains('x'),
            shared: false,
            offset,
            device: (8, 1),
            inode,
            name: name.to_owned(),
        }
    }

    #[test]
    fn groups_a_library_with_its_bss_and_splits_two_copies() {
        let lib = "/usr/lib/libx.so (deleted)";
        let found = modules(&Regions::new(vec![
            region((0x1000, 0x2000), "r", 0, 5, lib),
            region((0x2000, 0x3000), "rx", 0x1000, 5, lib),
            region((0x3000, 0x4000), "rw", 0x2000, 5, lib),
            region((0x4000, 0x5000), "rw", 0, 0, ""),
            region((0x6000, 0x7000), "rw", 0, 0, ""),
            region((0x11000, 0x12000), "r", 0, 5, lib),
            region((0x12000, 0x13000), "rx", 0x1000, 5, lib),
            region((0x20000, 0x21000), "r", 0, 9, "/some/data"),
        ]));
        let ends: Vec<_> = found.iter().map(|m| (m.base().0, m.extent().end.0, m.ranges.len())).collect();
        assert_eq!(ends, [(0x1000, 0x5000, 4), (0x11000, 0x13000, 2)]);
        assert!(found.iter().all(|m| m.is_deleted() && m.file_name() == "libx.so"));
    }

    #[test]
    fn finds_exported_symbols_of_libc() {
        let live = Live::new(own_pid());
        let modules = own_modules();
        let libc_so = modules.iter().find(|m| m.file_name().starts_with("libc.so")).expect("libc is mapped");
        let symbols = Symbols::from_memory(&live, libc_so).expect("an ELF file");
        assert!(libc_so.contains(symbols.get("malloc").expect("malloc")));
        assert_eq!(symbols.get("getpid"), Some(Addr(libc::getpid as *const () as u64)));
        assert_eq!(symbols.get("no_such_function_in_libc"), None);
        assert_eq!(symbols.get(&"x".repeat(10_000)), None);
        let environ = symbols.get("environ").expect("environ");
        assert!(symbols.data_ranges().iter().any(|r| r.contains(environ)));
    }

    #[inline(never)]
    fn a_function_only_this_file_has() {}

    #[test]
    fn finds_static_symbols_in_the_file() {
        let live = Live::new(own_pid());
        let modules = own_modules();
        let exe = std::fs::read_link("/proc/self/exe").expect("our program");
        let own = modules.iter().find(|m| m.path == exe.to_string_lossy()).expect("our program is mapped");
        let found = static_symbols(own_pid(), &live, own, &["main", "no_such_name"]);
        let mains = found.get("main").expect("main");
        assert!(mains.iter().all(|m| own.contains(m.addr)));
        assert_eq!(found.len(), 1);
        a_function_only_this_file_has();
        let file = ModuleFile::open(own_pid(), &live, own).expect("our program");
        let text = file.section(".text").expect(".text");
        assert!(text.contains(Addr(a_function_only_this_file_has as *const () as u64)));
        assert_eq!(file.section(".nothing"), None);
    }

    #[test]
    fn another_file_of_the_same_name_is_not_believed() {
        let live = Live::new(own_pid());
        let mut own = own_modules().into_iter().find(|m| m.file_name().starts_with("libc.so")).expect("libc");
        own.path = "/bin/sh".to_owned();
        for r in &mut own.ranges {
            // No such entry in map_files either.
            r.range.end = r.range.start.up(1).expect("inside");
        }
        assert!(matches!(ModuleFile::open(own_pid(), &live, &own), Err(SymbolError::NoFile { .. })));
    }

    /// Any bytes where the headers should be: an error or no symbol, never a panic.
    struct Noise(Vec<u8>);
    impl Memory for Noise {
        fn read(&self, at: Addr, out: &mut [u8]) -> Result<(), Fault> {
            let fault = Fault::new(at, out.len(), crate::memory::FaultKind::Unmapped);
            let from = at.0.checked_sub(0x1000).and_then(|o| usize::try_from(o).ok()).ok_or(fault)?;
            let bytes = self.0.get(from..).and_then(|b| b.get(..out.len())).ok_or(fault)?;
            out.copy_from_slice(bytes);
            Ok(())
        }
    }

    proptest::proptest! {
        #[test]
        fn hostile_headers_never_panic(
            mut bytes in proptest::collection::vec(proptest::num::u8::ANY, 64..2048),
            entries in proptest::collection::vec((0u64..12, 0u64..4096), 0..20),
        ) {
            // A good head, so that what follows is reached.
            let mut head = vec![0x7f, b'E', b'L', b'F', 2, 1, 1, 0];
            head.resize(EHDR, 0);
            head[16] = 3;
            head[32] = 64;
            head[54] = PHDR as u8;
            head[56] = 4;
            bytes.splice(..64, head);
            for (i, kind) in [1u32, 2, 4, 1].iter().enumerate() {
                if let Some(b) = bytes.get_mut(64 + i * PHDR..64 + i * PHDR + 4) {
                    b.copy_from_slice(&kind.to_le_bytes());
                }
                if i == 1 && let Some(b) = bytes.get_mut(64 + i * PHDR + 16..64 + i * PHDR + 24) {
                    b.copy_from_slice(&512u64.to_le_bytes());
                }
            }
            for (i, (tag, value)) in entries.iter().enumerate() {
                if let Some(b) = bytes.get_mut(512 + i * 16..528 + i * 16) {
                    let tag = if *tag == 0 { DT_GNU_HASH } else { *tag };
                    b[..8].copy_from_slice(&tag.to_le_bytes());
                    b[8..].copy_from_slice(&value.to_le_bytes());
                }
            }
            let module = Module {
                path: "/x".into(), device: (0, 0), inode: 1,
                ranges: vec![region((0x1000, 0x2000), "rwx", 0, 1, "/x")],
            };
            let noise = Noise(bytes);
            if let Ok(symbols) = Symbols::from_memory(&noise, &module) {
                let _ = symbols.get("malloc");
                let _ = symbols.data_ranges();
            }
        }
    }
}
