"""Programs of SLURM in a folder of one's own: enough for submitit's executor, on this machine.

``sbatch FILE`` runs the script once for each number of its array, one after another in the
background; ``srun`` runs what stands behind its options; ``sacct`` knows no job; ``scancel`` does
nothing. ``sbatch.txt`` keeps the last script, and ``sbatch --refuse`` in the environment variable
FAKE_SLURM refuses as SLURM does.
"""

import sys
from pathlib import Path

SBATCH = """
import os, re, subprocess, sys
from pathlib import Path

if os.environ.get("FAKE_SLURM") == "refuse":
    sys.exit("sbatch: error: invalid partition specified: gpu")
script = Path(sys.argv[1])
(Path(__file__).parent / "sbatch.txt").write_text(script.read_text())
array = re.search(r"--array=0-([0-9]+)", script.read_text())
runs = "import os, subprocess\\n"
for number in range(int(array[1]) + 1) if array else [None]:
    place = {"SLURM_JOB_ID": "42", "SLURM_JOB_NODELIST": "here", "SLURM_JOB_NUM_NODES": "1"}
    place |= {"SLURM_NTASKS": "1", "SLURM_NODEID": "0", "SLURM_PROCID": "0", "SLURM_LOCALID": "0"}
    if number is not None:
        place |= {"SLURM_ARRAY_JOB_ID": "42", "SLURM_ARRAY_TASK_ID": str(number)}
    runs += f"subprocess.run(['bash', {str(script)!r}], env={{**os.environ, **{place!r}}})\\n"
copy = script.with_suffix(".kept")
copy.write_text(script.read_text())
runs = runs.replace(repr(str(script)), repr(str(copy)))
quiet = {name: subprocess.DEVNULL for name in ("stdin", "stdout", "stderr")}
subprocess.Popen([sys.executable, "-c", runs], start_new_session=True, **quiet)
print("Submitted batch job 42")
"""
SRUN = """
import os, sys
words = sys.argv[1:]
while words[0].startswith("-"):
    words = words[2:] if words[0] in ("--output", "--error") else words[1:]
os.execvp(words[0], words)
"""
SACCT = "print('JobID|State|NodeList')"


def install(folder: Path) -> Path:
    """Write the programs into a folder, which belongs on PATH; return it."""
    folder.mkdir(parents=True)
    programs = {"sbatch": SBATCH, "srun": SRUN, "sacct": SACCT, "scancel": "", "scontrol": ""}
    for name, text in programs.items():
        (folder / name).write_text(f"#!{sys.executable}\n{text}")
        (folder / name).chmod(0o755)
    return folder
