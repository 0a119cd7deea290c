; Inno Setup recipe of an installer for one user: build the folder first (python -m scripts.package), then
;   iscc /DVersion=0.1.0 packaging\windows\sealwire.iss
[Setup]
AppId=Sealwire
AppName=Sealwire
AppVersion={#Version}
AppPublisher=The Sealwire developers
DefaultDirName={autopf}\Sealwire
DefaultGroupName=Sealwire
PrivilegesRequired=lowest
SourceDir=..\..
OutputDir=dist\packages
OutputBaseFilename=sealwire-{#Version}-setup
LicenseFile=LICENSE
Compression=lzma2
SolidCompression=yes
ArchitecturesInstallIn64BitMode=x64compatible

[Files]
Source: "dist\packages\sealwire\*"; DestDir: "{app}"; Flags: recursesubdirs ignoreversion

[Icons]
Name: "{group}\Sealwire"; Filename: "{app}\sealwire.exe"
